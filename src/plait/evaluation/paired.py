"""Two models that were measured on the same test rows, compared as one is with a baseline."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.evaluation.decided import of_view, views
from plait.evaluation.entries import Difference, Evaluation
from plait.evaluation.evaluate import UNIT
from plait.evaluation.intervals import Measure, Resampling, resample
from plait.evaluation.metrics import metrics
from plait.evaluation.settings import Resamples
from plait.evaluation.stated import MODEL, paired_difference
from plait.evaluation.task import classes_in, evaluation_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

OTHER = "other"
"""The key of the model that `MODEL` is compared with."""


@dataclass(frozen=True)
class Measured:
    """What `evaluate` left of a model."""

    evaluation: Evaluation
    """The contents of ``evaluation.json``."""
    predictions: "pd.DataFrame"
    """The contents of ``predictions.parquet``."""

    @property
    def classes(self) -> list[str]:
        """The labels in the order of their numbers; none of a regression."""
        return classes_in(self.evaluation)

    @property
    def truth(self) -> "np.ndarray":
        """As metrics take it."""
        return self._read_back()[0]

    @property
    def prediction(self) -> "np.ndarray":
        """As metrics take it."""
        return self._read_back()[1]

    def _read_back(self) -> "tuple[np.ndarray, np.ndarray]":
        task = evaluation_of(self.evaluation["task"])
        return task.read_back(self.predictions, self.evaluation)

    @property
    def said(self) -> "np.ndarray":
        """The classes that were answered, by their numbers, int64, (rows,)."""
        numbers = {label: number for number, label in enumerate(self.classes)}
        return self.predictions["prediction"].map(numbers).to_numpy(dtype="int64")

    @property
    def weights(self) -> "np.ndarray | None":
        """How much each row counts, as `resample` takes it."""
        name = self.evaluation.get("weight")
        if name is None:
            return None
        column = name if name in self.predictions else f"source_{name}"
        return self.predictions[column].to_numpy()

    @property
    def unit(self) -> "np.ndarray | None":
        """Which rows were drawn together, as `resample` takes it."""
        import pandas as pd

        unit = self.evaluation["resampled"]["unit"]
        name = unit.removeprefix(UNIT)
        if name == unit:
            return None
        column = name if name in self.predictions else f"source_{name}"
        return pd.factorize(self.predictions[column])[0]


@dataclass(frozen=True)
class Comparison:
    """How a model stands to another by its main metric."""

    title: str
    """Of the metric."""
    value: float
    other: float
    difference: Difference
    """As that to a baseline in ``evaluation.json``."""


def same_rows(one: Measured, other: Measured) -> bool:
    """Whether both were asked the same: the same rows of the source, the same right answers, which
    count alike.
    """
    asked = ["row", "truth"]
    alike = one.evaluation.get("weight") == other.evaluation.get("weight")
    return (
        alike
        and one.classes == other.classes
        and bool(one.predictions[asked].equals(other.predictions[asked]))
    )


def compare(model: Measured, other: Measured, settings: Resamples) -> Comparison:
    """Compare two models on the same rows, by the first one's main metric, and by its costs where
    that is one of costs.

    :param settings: how ``model`` was evaluated: its resamples are drawn again.
    """
    import numpy as np

    assert same_rows(model, other), "models that were tested on different rows"
    metric = metrics()[model.evaluation["primary"]]
    pair = {MODEL: model, OTHER: other}
    predictions = {key: each.prediction for key, each in pair.items()}
    function: Measure = metric.function
    decisions = [each.evaluation.get("decision") for each in (model, other)]
    decision = next((each for each in decisions if each is not None), None)
    if decision is not None:
        costs = np.asarray(decision["costs"])
        predictions = {key: views(predictions[key], each.said, costs) for key, each in pair.items()}
        function = of_view(metric)
    samples = resample(
        model.truth,
        predictions,
        {metric.name: function},
        Resampling(
            settings.resamples,
            settings.max_bootstrap_rows,
            settings.confidence_level,
            settings.seed,
        ),
        model.unit,
        model.weights,
    )
    return Comparison(
        metric.title,
        samples.interval(MODEL, metric.name).value,
        samples.interval(OTHER, metric.name).value,
        paired_difference(samples, MODEL, OTHER, metric),
    )
