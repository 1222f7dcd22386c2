"""Mean squared error."""

from typing import TYPE_CHECKING, ClassVar

from plait.objectives.base import Batch, Objective, ObjectiveSettings

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(ObjectiveSettings):
    """``objective: squared_error``."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)


def build(settings: Settings, targets: "Tensor") -> Objective:
    """The mean of (prediction - target)^2."""
    from torch.nn.functional import mse_loss

    def objective(model: "nn.Module", batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        return mse_loss(model(batch.features), batch.targets), {}

    return objective
