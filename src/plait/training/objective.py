"""The chosen objective, as it is of the network that is trained."""

from torch import Tensor, nn

from plait.config.chosen import settings_in
from plait.config.registry import module_of
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.models.members import MemberNetwork
from plait.objectives.base import AnyBatch, Objective, ObjectiveSettings, WeightedBatch


def objective_of(resolved: Resolved, network: nn.Module, targets: Tensor) -> Objective:
    """What the network is trained by.

    :param targets: of the training part.
    :raises UserError: for targets that the objective cannot take.
    """
    settings = settings_in(resolved, "objective", ObjectiveSettings)
    module = module_of("objective", resolved.choice("objective"))
    try:
        objective: Objective = module.build(settings, targets)
    except UserError as error:
        raise UserError(f"{resolved.name}: {error}") from error
    if isinstance(network, MemberNetwork):
        return of_each_member(objective, network.members)
    return objective


def of_each_member(objective: Objective, members: int) -> Objective:
    """The mean of the objective over members, where they are trained.

    Where nothing is learnt, it is that of their mean prediction, by which epochs are compared.
    """

    def of_members(model: nn.Module, batch: AnyBatch) -> tuple[Tensor, dict[str, Tensor]]:
        if not model.training:
            return objective(model, batch)
        # A row's members stand after each other, each with the row's target.
        targets = batch.targets.repeat_interleave(members, 0)
        each = batch._replace(targets=targets)
        if isinstance(each, WeightedBatch):
            each = each._replace(weights=each.weights.repeat_interleave(members, 0))
        return objective(model, each)

    return of_members
