"""What metrics are given of predicted classes where wrong answers have costs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from plait.evaluation.intervals import Measure
from plait.evaluation.metrics import Metric, Takes
from plait.evaluation.task import Baseline
from plait.models.follows import Decision

if TYPE_CHECKING:
    import numpy as np

VIEWS: tuple[Takes, ...] = get_args(Takes)


def views(prediction: "np.ndarray", said: "np.ndarray", costs: "np.ndarray") -> "np.ndarray":
    """Predictions in each of the ways that metrics ask for, float64, (rows, `VIEWS`, classes).

    :param prediction: probabilities, float64, (rows, classes).
    :param said: the numbers of the classes that are answered, int64, (rows,).
    :param costs: as `Decision.costs`.
    """
    import numpy as np

    return np.stack([prediction, np.eye(prediction.shape[1])[said], costs.T[said]], axis=1)


def of_view(metric: Metric) -> Measure:
    """The metric as a function of all views of the predictions."""
    place = VIEWS.index(metric.takes)

    def measure(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
        return metric.function(truth, prediction[:, place], weights)

    return measure


def all_viewed(
    predictions: "Mapping[str, np.ndarray]", decided: "Mapping[str, np.ndarray]", decision: Decision
) -> "dict[str, np.ndarray]":
    """The views of every predictor's probabilities, by its name.

    :param predictions: float64, (rows, classes).
    :param decided: the numbers of the answers of those that decide by costs; the others say what is
        likeliest.
    """
    return {
        name: views(
            given, decided[name] if name in decided else given.argmax(axis=1), decision.costs
        )
        for name, given in predictions.items()
    }


def values_of(
    chosen: "Mapping[str, Metric]",
    truth: "np.ndarray",
    prediction: "np.ndarray",
    weights: "np.ndarray | None",
    decision: Decision | None,
) -> dict[str, float]:
    """Metrics by name, of some rows; NaN where one is undefined.

    :param truth: (rows, …).
    :param prediction: (rows, …), as `plait.models.trained.TrainedModel.predict` gives it.
    :param weights: float64, (rows,); None: all count alike.
    :param decision: None: answers are what is likeliest.
    """
    import numpy as np

    if weights is None:
        weights = np.ones(len(truth))
    if decision is not None:
        prediction = views(prediction, decision.numbers(prediction), decision.costs)
    functions = {
        name: item.function if decision is None else of_view(item) for name, item in chosen.items()
    }
    return {name: float(measure(truth, prediction, weights)) for name, measure in functions.items()}


def by_rows(metric: Metric, decision: Decision | None) -> Metric:
    """A metric that is a mean over rows, its values of rows as functions of probabilities."""
    of_rows = metric.of_rows
    if decision is None or of_rows is None:
        return metric
    place = VIEWS.index(metric.takes)

    def decided(truth: "np.ndarray", prediction: "np.ndarray") -> "np.ndarray":
        said = decision.numbers(prediction)
        return of_rows(truth, views(prediction, said, decision.costs)[:, place])

    return replace(metric, of_rows=decided)


def cheapest(
    truth_of_train: "np.ndarray",
    weights: "np.ndarray | None",
    classes: tuple[str, ...],
    decision: Decision,
    rows: int,
) -> Baseline:
    """The one answer to all rows that would have cost least on the training part.

    :param truth_of_train: the numbers of the classes, int64, (rows of training,).
    :param weights: how much its rows count; None: all alike.
    :param rows: of the test part.
    """
    import numpy as np

    place = int(np.average(decision.costs[truth_of_train], axis=0, weights=weights).argmin())
    said = np.tile(np.eye(len(classes))[place], (rows, 1))
    return Baseline("cheapest", f"always answering {classes[place]!r}, the cheapest", True, said)
