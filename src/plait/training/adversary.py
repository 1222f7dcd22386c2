"""Training on inputs that are shifted to hurt, beside those that are."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from plait.models.tuned import TrainableModule
from plait.objectives.base import Batch, Objective

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
        self, objective: Objective, network: nn.Module, batch: Batch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mixed loss, and its parts beside the objective's values."""

        def loss_of(shift: Tensor) -> Tensor:
            return _of_shifted(objective, network, batch, shift)[0]

        zero_perturbation = _unshifted(network, batch).requires_grad_(True)
        loss, values = _of_shifted(objective, network, batch, zero_perturbation)
        shift = self._attack(loss_of, zero_perturbation, loss).detach()
        hard = loss_of(shift)
        mixed = (1 - self._share) * loss + self._share * hard
        return mixed, {"clean_loss": loss, "adversarial_loss": hard, **values}


def _unshifted(network: nn.Module, batch: Batch) -> Tensor:
    if isinstance(network, TrainableModule):
        return network.zero_perturbation(batch.features)
    return torch.zeros_like(batch.features)


def _of_shifted(
    objective: Objective, network: nn.Module, batch: Batch, shift: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    if isinstance(network, TrainableModule):
        with network.shifted(shift):
            return objective(network, batch)
    return objective(network, batch._replace(features=batch.features + shift))
