"""Metrics: each one function, registered where it stands.

A new metric is one function in a file of this package; no list has to be edited::

    @metric(task="regression", direction="minimize", title="Median absolute error")
    def median_absolute_error(truth, prediction, weights):
        from sklearn.metrics import median_absolute_error as compute

        return float(compute(truth, prediction, sample_weight=weights))

It gets its interval, its value for every baseline, and its column in reports by itself.
"""

import math
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

Direction = Literal["minimize", "maximize"]
Function = Callable[["np.ndarray", "np.ndarray", "np.ndarray"], float]
Takes = Literal["probabilities", "answers", "costs"]
RowFunction = Callable[["np.ndarray", "np.ndarray"], "np.ndarray"]

SHIPPED = (
    *("regression", "classification", "multilabel", "direction", "calibration"),
    *("quantiles_and_counts", "cost"),
)
"""The files whose metrics come first, in this order; the first metric of a task is its primary
one, which a file of the user's own does not displace."""


@dataclass(frozen=True)
class Metric:
    """A number that says how good predictions are."""

    name: str
    title: str
    tasks: tuple[str, ...]
    direction: Direction
    function: Function
    """From truth, prediction and weights, all of them (rows, …), to a number; NaN where the metric
    is undefined for these rows. Regression: truth and prediction are float64, (rows,).
    Classification: truth is the class numbers, int64, (rows,); prediction is the probabilities,
    float64, (rows, classes). Multilabel: so is the prediction, and the truth 0 or 1, int64, (rows,
    classes). Weights are positive, float64: a weight of 2 counts a row twice."""
    requires: str | None
    """The key of ``dataset.facts`` without which the metric makes no sense, if there is one."""
    of_rows: RowFunction | None
    """Of a metric that is the weighted mean of a value of each row: from truth and prediction to
    these values, float64, (rows,). Importance of columns is told in such a metric."""
    by_default: bool
    """Whether it is computed where no metrics are listed."""
    takes: Takes = "probabilities"
    """What it is given of predicted classes where wrong answers have costs: the probabilities; 1 of
    the class that is answered and 0 of the others, whose likeliest one is the answer; or what the
    answer costs if a class is so. Without costs, and of anything else, it is the prediction."""

    def improves(self, difference: float) -> bool:
        """Whether ``difference``, a model's value less another's, speaks for the model."""
        return difference < 0 if self.direction == "minimize" else difference > 0


_registered: dict[str, Metric] = {}


def metric(
    *,
    task: str | tuple[str, ...],
    direction: Direction,
    title: str,
    requires: str | None = None,
    of_rows: RowFunction | None = None,
    by_default: bool = True,
    takes: Takes = "probabilities",
) -> Callable[[Function], Function]:
    """Register the decorated function as a metric under the function's name.

    :param task: the kind of target, or kinds, that it is for.
    :param direction: whether less or more is better.
    :param title: its name in reports.
    :param requires: a key that ``dataset.facts`` must have.
    :param of_rows: the value of each row, if the metric is their weighted mean.
    :param by_default: whether it is computed where no metrics are listed.
    :param takes: what of the prediction it asks for where wrong answers have costs; ``answers`` of
        one that looks at the predicted class alone, ``costs`` of one that is computed only then.
    :raises ValueError: if another file has a metric of that name.
    """

    def register(function: Function) -> Function:
        name = getattr(function, "__name__", "")
        other = _registered.get(name)
        if other is not None and other.function.__module__ != function.__module__:
            raise ValueError(
                f"metric {name!r} is in both {other.function.__module__}"
                f" and {function.__module__}: rename one"
            )
        tasks = task if isinstance(task, tuple) else (task,)
        _registered[name] = Metric(
            name, title, tasks, direction, function, requires, of_rows, by_default, takes
        )
        return function

    return register


@cache
def metrics() -> dict[str, Metric]:
    """Every metric by name, primary ones first."""
    modules = [module.name for module in pkgutil.iter_modules(__path__)]
    own = [name for name in sorted(modules) if name not in SHIPPED]
    for module in (*SHIPPED, *own):
        import_module(f"{__name__}.{module}")
    position = {module: place for place, module in enumerate((*SHIPPED, *own))}
    ordered = sorted(
        _registered.values(),
        key=lambda item: position.get(item.function.__module__.rpartition(".")[2], math.inf),
    )
    return {item.name: item for item in ordered}


def of_task(task: str) -> dict[str, Metric]:
    """The metrics for a kind of target, by name; the first is the primary one."""
    return {name: item for name, item in metrics().items() if task in item.tasks}


def default_of_task(task: str) -> dict[str, Metric]:
    """Those that are computed where ``evaluation.metrics`` names none."""
    return {name: item for name, item in of_task(task).items() if item.by_default}
