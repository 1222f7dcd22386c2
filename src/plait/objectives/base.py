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


Objective = Callable[["nn.Module", Batch], tuple["Tensor", dict[str, "Tensor"]]]
"""Returns the mean loss over the batch's rows, and further scalar means to log by name."""


class ObjectiveSettings(Settings):
    """Settings of a choice whose ``build(settings, targets)`` returns an `Objective`.

    ``targets`` are those of the training part, (rows,), in the form of `Batch`.
    """

    tasks: ClassVar[tuple[str, ...]] = ("regression", "classification")
    link: ClassVar[Link] = "identity"
    """What the model's outputs are of the mean that it predicts."""

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse data of another task."""
        yield from chosen.unfit("objective", self.tasks)
