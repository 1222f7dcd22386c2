"""Only the head is trained, on the frozen model's own representation.

After Alain and Bengio (2016), Understanding intermediate layers using linear classifier probes.
"""

from typing import TYPE_CHECKING

from torch import Tensor

from plait.finetuning.kinds import Finetuned, FinetuningSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Settings(FinetuningSettings):
    """``finetuning: linear_probe``."""


class LinearProbe(Finetuned):
    """The body as it is: without dropout, and without a gradient through it."""

    def train(self, mode: bool = True) -> "LinearProbe":
        """The body stays in evaluation, also in training."""
        return super().train(False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token numbers and mask to hidden states, detached."""
        return super().forward(ids, mask).detach()


def apply(settings: Settings, body: "PreTrainedModel") -> LinearProbe:
    """Train nothing of it."""
    return LinearProbe(body)
