"""The loss of hidden words, which the network itself gives; for `plait.pretraining.domain`."""

from typing import TYPE_CHECKING

from plait.objectives.base import AnyBatch, Objective, ObjectiveSettings

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(ObjectiveSettings):
    """The loss of masked words has no settings."""


def build(settings: Settings, targets: "Tensor") -> Objective:
    """The mean over texts; logs the share of words that are guessed right beside it."""

    def objective(model: "nn.Module", batch: AnyBatch) -> "tuple[Tensor, dict[str, Tensor]]":
        loss, right = model(batch.features).unbind(1)
        return loss.mean(), {"accuracy": right.detach().mean()}

    return objective
