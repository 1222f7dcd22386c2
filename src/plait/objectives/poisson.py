"""Poisson regression: counts, of which the model gives the logarithm of the mean."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from plait.models.base import Link
from plait.objectives.base import AnyBatch, Objective, ObjectiveSettings
from plait.settings import Chosen
from plait.tasks.counts import refuse_no_counts

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(ObjectiveSettings):
    """``objective: poisson``."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)
    weighted: ClassVar[bool] = True
    link: ClassVar[Link] = "log"

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Scaled counts, which are none."""
        yield from super().refuses(chosen)
        if chosen["preprocessing"].target_scaling != "none":
            yield "preprocessing.target_scaling: objective: poisson takes counts; set it to none"
        if chosen["preprocessing"].target_transform != "none":
            yield "preprocessing.target_transform: objective: poisson takes counts; set it to none"


def build(settings: Settings, targets: "Tensor") -> Objective:
    """The mean over rows of mean - count * log(mean): the negative log-likelihood without the term
    that does not depend on the model. Logs the mean squared error beside it.

    :raises UserError: for targets below 0, or all 0.
    """
    from torch.nn.functional import mse_loss, poisson_nll_loss

    refuse_no_counts(targets.numpy(), "objective: poisson")

    def objective(model: "nn.Module", batch: AnyBatch) -> "tuple[Tensor, dict[str, Tensor]]":
        outputs = model(batch.features)
        losses = poisson_nll_loss(outputs, batch.targets, reduction="none")
        squares = mse_loss(outputs.detach().exp(), batch.targets, reduction="none")
        return batch.mean(losses), {"mse": batch.mean(squares)}

    return objective
