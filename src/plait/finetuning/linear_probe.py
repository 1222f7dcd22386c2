"""Only the head is trained, on the frozen model's own representation.

After Alain and Bengio (2016), Understanding intermediate layers using linear classifier probes.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from plait.finetuning.base import FinetuningSettings
from plait.settings import Chosen

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.frozen_backbone import LinearProbe


class Settings(FinetuningSettings):
    """``finetuning: linear_probe``."""

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse an adversary: it shifts inputs of a transformer that stays as it is here."""
        if chosen.family == "language_model" and "adversarial" in chosen:
            yield (
                "adversarial: shifts what a transformer is given, which finetuning: linear_probe"
                " leaves as it is; choose another of the two"
            )


def apply(settings: Settings, body: "PreTrainedModel") -> "LinearProbe":
    """Train nothing of it."""
    from plait.finetuning.frozen_backbone import LinearProbe

    return LinearProbe(body)
