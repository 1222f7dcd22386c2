"""A transformer that stays as it was pretrained."""

from torch import Tensor

from plait.finetuning.finetuned import Finetuned


class LinearProbe(Finetuned):
    """The body as it is: without dropout, and without a gradient through it."""

    def train(self, mode: bool = True) -> "LinearProbe":
        """The body stays in evaluation, also in training."""
        return super().train(False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token numbers and mask to hidden states, detached."""
        return super().forward(ids, mask).detach()
