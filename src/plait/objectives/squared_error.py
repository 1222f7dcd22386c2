"""Mean squared error."""

from typing import TYPE_CHECKING, ClassVar

from plait.objectives.base import AnyBatch, Objective, ObjectiveSettings

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(ObjectiveSettings):
    """``objective: squared_error``."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    weighted: ClassVar[bool] = True


def build(settings: Settings, targets: "Tensor") -> Objective:
    """The mean of (prediction - target)^2."""
    from torch.nn.functional import mse_loss

    def objective(model: "nn.Module", batch: AnyBatch) -> "tuple[Tensor, dict[str, Tensor]]":
        outputs = model(batch.features)
        if batch.weights is None:
            return mse_loss(outputs, batch.targets), {}
        return batch.mean(mse_loss(outputs, batch.targets, reduction="none")), {}

    return objective
