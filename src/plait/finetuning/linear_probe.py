"""Only the head is trained, on the frozen model's own representation.

After Alain and Bengio (2016), Understanding intermediate layers using linear classifier probes.
"""

from typing import TYPE_CHECKING

from plait.finetuning.kinds import FinetuningSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.frozen_body import LinearProbe


class Settings(FinetuningSettings):
    """``finetuning: linear_probe``."""


def apply(settings: Settings, body: "PreTrainedModel") -> "LinearProbe":
    """Train nothing of it."""
    from plait.finetuning.frozen_body import LinearProbe

    return LinearProbe(body)
