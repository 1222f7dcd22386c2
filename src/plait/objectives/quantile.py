"""The pinball loss, whose least mean is at a quantile (Koenker and Bassett 1978)."""

from typing import TYPE_CHECKING, ClassVar

from plait.objectives.base import AnyBatch, Objective, ObjectiveSettings
from plait.settings import setting

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(ObjectiveSettings):
    """``objective: quantile``."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    weighted: ClassVar[bool] = True

    level: float = setting("share of the targets that lie below the prediction", gt=0, lt=1)


def build(settings: Settings, targets: "Tensor") -> Objective:
    """The mean over rows; logs the mean absolute error beside it."""
    import torch

    def objective(model: "nn.Module", batch: AnyBatch) -> "tuple[Tensor, dict[str, Tensor]]":
        error = batch.targets - model(batch.features)
        losses = torch.maximum(settings.level * error, (settings.level - 1) * error)
        return batch.mean(losses), {"mae": batch.mean(error.detach().abs())}

    return objective
