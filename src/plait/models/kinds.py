"""The two kinds of model: networks trained by gradients, and estimators that fit themselves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from plait.settings import Settings

if TYPE_CHECKING:
    from plait.data.dataset import Task


@dataclass(frozen=True)
class Shape:
    """What a model maps between, known once the data and their preprocessing are."""

    task: "Task"
    inputs: int
    """Columns after encoding."""
    outputs: int
    """Regression: 1; classification: the number of classes."""


class NetworkSettings(Settings):
    """Of a choice whose ``build(settings, shape)`` returns a `torch.nn.Module`.

    The module maps float (rows, inputs) to (rows,) for regression and to logits (rows, outputs)
    for classification. A `lightning.LightningModule` brings its own training step and optimiser.
    """

    fitted_by: ClassVar[Literal["gradient", "estimator"]] = "gradient"
    tasks: ClassVar[tuple["Task", ...]] = ("regression", "classification")


class EstimatorSettings(Settings):
    """Of a choice whose ``build(settings, shape, seed)`` returns a scikit-learn estimator."""

    fitted_by: ClassVar[Literal["gradient", "estimator"]] = "estimator"
    tasks: ClassVar[tuple["Task", ...]] = ("regression", "classification")
    trusted: ClassVar[tuple[str, ...]] = ()
    """Types, beside skops' own list, that a stored estimator may hold."""
