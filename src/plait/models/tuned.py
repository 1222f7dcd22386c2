"""Networks that have a say in how they are trained."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from plait.finetuning.base import MethodState


class TrainableModule(nn.Module):
    """A network of which only some weights are trained, perhaps at rates of their own."""

    @abstractmethod
    def rates(self) -> dict[str, float]:
        """By parameter, the factor of the learning rate where it is not 1."""

    @abstractmethod
    def begin(self, steps: int) -> None:
        """Called with the number of optimiser steps before the first one."""

    @abstractmethod
    def penalties(self) -> dict[str, Tensor]:
        """Terms that are added to the loss, by the name that they are logged under."""

    @abstractmethod
    def after_step(self, step: int, skipped: bool) -> None:
        """Called after each optimiser step, gradients still there; the first step is 1.

        A step is skipped where gradients are more than half precision holds.
        """

    @property
    @abstractmethod
    def embeddings(self) -> nn.Module:
        """The layer that gives each token its vector, by a weight of (tokens, width)."""

    @abstractmethod
    def blocks(self) -> list[nn.Module]:
        """Parts, none within another, whose weights are used while they compute, and only then."""

    @abstractmethod
    def method_state(self) -> "MethodState":
        """What `after_step` goes by, for a checkpoint."""

    @abstractmethod
    def load_method_state(self, state: "MethodState") -> None:
        """Go on from such a state."""

    def trained_names(self) -> set[str]:
        """The parameters that training changes; all else is as it was built."""
        return {name for name, weight in self.named_parameters() if weight.requires_grad}
