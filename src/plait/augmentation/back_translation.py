"""Back-translation: each text into another language and back, by models of the user's choice.

Sennrich, Haddow and Birch (2016), Improving neural machine translation models with monolingual
data; for classification Xie et al. (2020), Unsupervised data augmentation for consistency training.
Beam search draws nothing at random: a copy depends on its text and the models, not on the seed.
"""

from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from plait.augmentation.base import AugmentationSettings
from plait.augmentation.translation import Translator
from plait.settings import setting

if TYPE_CHECKING:
    import numpy as np


class Settings(AugmentationSettings):
    """``augmentation: back_translation``."""

    num_beams: int = setting("width of the beam search, in both directions", ge=1)
    max_length: int = setting("longest text and translation; longer ones are cut", ge=8)
    forward_model: Translator = setting("model that translates into the other language")
    backward_model: Translator = setting("model that translates back from the other language")

    @model_validator(mode="after")
    def _enough_beams(self) -> Self:
        if self.copies > self.num_beams:
            raise ValueError(f"copies, {self.copies}, must be at most num_beams, {self.num_beams}")
        return self


def augment(settings: Settings, texts: "np.ndarray", seed: int) -> "np.ndarray":
    """Changed copies, object (copies, rows): the best translations of the best translation.

    :raises UserError: if a model is not there, is another than was pinned, or translates nothing.
    """
    from plait.augmentation.translation import translated

    limits = {"beams": settings.num_beams, "max_length": settings.max_length}
    (there,) = translated(
        texts, settings.forward_model, "augmentation.forward_model", best=1, **limits
    )
    return translated(
        there,
        settings.backward_model,
        "augmentation.backward_model",
        best=settings.copies,
        **limits,
    )
