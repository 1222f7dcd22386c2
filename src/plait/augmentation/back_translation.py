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

    beams: int = setting("beams of the search, in both directions", ge=1)
    max_length: int = setting("longest text and translation; longer ones are cut", ge=8)
    there: Translator = setting("model that translates into the other language")
    back: Translator = setting("model that translates back from the other language")

    @model_validator(mode="after")
    def _enough_beams(self) -> Self:
        if self.copies > self.beams:
            raise ValueError(f"copies, {self.copies}, must be at most beams, {self.beams}")
        return self


def augment(settings: Settings, texts: "np.ndarray", seed: int) -> "np.ndarray":
    """Changed copies, object (copies, rows): the best translations of the best translation.

    :raises UserError: if a model is not there, is another than was pinned, or translates nothing.
    """
    from plait.augmentation.translation import translated

    limits = {"beams": settings.beams, "max_length": settings.max_length}
    (there,) = translated(texts, settings.there, "augmentation.there", best=1, **limits)
    return translated(there, settings.back, "augmentation.back", best=settings.copies, **limits)
