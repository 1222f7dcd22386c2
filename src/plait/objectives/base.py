"""The contract of an objective."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from plait.models.base import Link
from plait.settings import Chosen, Settings

if TYPE_CHECKING:
    from torch import Tensor, nn


class Batch(NamedTuple):
    """Rows of a part, on the model's device."""

    features: Any
    """Float, (rows, inputs); of texts a `plait.models.language_model.TokenBatch`."""
    targets: "Tensor"
    """Regression: float, (rows,); classification: int64 class numbers, (rows,); multilabel: float
    0 or 1, (rows, classes)."""
    rows: "Tensor"
    """int64, (rows,): which rows of the part these are."""

    @property
    def weights(self) -> None:
        """All rows count alike."""

    def mean(self, losses: "Tensor") -> "Tensor":
        """The mean of losses, (rows, …), over the rows as they count."""
        return losses.mean()


class WeightedBatch(NamedTuple):
    """Rows that count differently, of data with weights."""

    features: Any
    targets: "Tensor"
    rows: "Tensor"
    weights: "Tensor"
    """Float, (rows,): how much each row counts, 1 on average over the part."""

    def mean(self, losses: "Tensor") -> "Tensor":
        """The mean of losses, (rows, …), over the rows as they count.

        Over the rows, not over their weights, so that a batch may be shared out anyhow.
        """
        return (losses.reshape(len(losses), -1).mean(1) * self.weights).mean()


AnyBatch = Batch | WeightedBatch


Objective = Callable[["nn.Module", AnyBatch], tuple["Tensor", dict[str, "Tensor"]]]
"""Returns the mean loss over the batch's rows, and further scalar means to log by name."""


class ObjectiveSettings(Settings):
    """Settings of a choice whose ``build(settings, targets)`` returns an `Objective`.

    ``targets`` are those of the training part, (rows,), in the form of `Batch`.
    """

    tasks: ClassVar[tuple[str, ...]] = ("regression", "classification")
    link: ClassVar[Link] = "identity"
    """What the model's outputs are of the mean that it predicts."""

    weighted: ClassVar[bool] = False
    """Whether it goes by `WeightedBatch.weights`."""

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse data of another task, or of rows that count differently where that is ignored."""
        yield from chosen.unfit("objective", self.tasks)
        if chosen["data"].weighted and not self.weighted:
            yield (
                f"objective: {chosen.names['objective']!r} takes all rows alike; set data.weight to"
                " null, or choose another"
            )
