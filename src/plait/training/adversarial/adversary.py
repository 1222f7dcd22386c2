"""Training on inputs that are shifted to hurt, beside those that are."""

from collections.abc import Callable

from torch import Tensor, nn

from plait.objectives.base import AnyBatch, Objective
from plait.training.adversarial.perturbed_layer import perturbed, zero_perturbation

Attack = Callable[[Callable[[Tensor], Tensor], Tensor, Tensor], Tensor]
"""A function that finds the shift of a batch's inputs, (rows, …), which raises the loss most. It is
given a function from a shift to the loss, the shift that is zero, and the loss there."""


class Adversary:
    """Mixes the loss of shifted inputs into an objective.

    :param attack: finds the shift.
    :param share: of its loss in the whole.
    """

    def __init__(self, attack: Attack, share: float) -> None:
        self._attack, self._share = attack, share

    def __call__(
        self, objective: Objective, network: nn.Module, batch: AnyBatch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mixed loss, and its parts beside the objective's values."""

        def under(shift: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            with perturbed(network, batch, shift) as shifted:
                return objective(network, shifted)

        def loss_of(shift: Tensor) -> Tensor:
            return under(shift)[0]

        zeros = zero_perturbation(network, batch).requires_grad_(True)
        loss, values = under(zeros)
        hard = loss_of(self._attack(loss_of, zeros, loss).detach())
        mixed = (1 - self._share) * loss + self._share * hard
        return mixed, {"clean_loss": loss, "adversarial_loss": hard, **values}
