"""Huber's loss (1964): squared near zero, absolute beyond ``delta``."""

from typing import TYPE_CHECKING, ClassVar

from plait.objectives.base import AnyBatch, Objective, ObjectiveSettings
from plait.settings import setting

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(ObjectiveSettings):
    """``objective: huber``."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    weighted: ClassVar[bool] = True

    delta: float = setting(
        "absolute error from which on the loss is linear", unit="of the target", gt=0
    )


def build(settings: Settings, targets: "Tensor") -> Objective:
    """The mean over rows; logs the mean squared error beside it."""
    from torch.nn.functional import huber_loss, mse_loss

    def objective(model: "nn.Module", batch: AnyBatch) -> "tuple[Tensor, dict[str, Tensor]]":
        outputs = model(batch.features)
        squares = mse_loss(outputs.detach(), batch.targets, reduction="none")
        if batch.weights is None:
            loss = huber_loss(outputs, batch.targets, delta=settings.delta)
        else:
            losses = huber_loss(outputs, batch.targets, delta=settings.delta, reduction="none")
            loss = batch.mean(losses)
        return loss, {"mse": batch.mean(squares)}

    return objective
