"""How sure a number is: percentile bootstrap intervals of metrics and of their differences.

A resample is a vector of weights: how often each row was drawn. Every predictor is measured on the
same resamples, so that the difference of two of them is a paired one, whose interval is far
narrower than a look at their separate intervals suggests.

Rows that belong together (the tickers of one day, the rows of one group) are drawn together.
"""

import math
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Measure = Callable[["np.ndarray", "np.ndarray", "np.ndarray"], "float | np.ndarray"]
"""From truth, prediction and weights to one number or a fixed number of them."""


@dataclass(frozen=True)
class Resampling:
    """How test rows are drawn again."""

    resamples: int
    """How many times."""
    rows: int
    """Most rows to draw for one resample. Of more test rows, fewer are drawn than there are, and
    the spread is scaled by sqrt(drawn / there): the m out of n bootstrap of Bickel, Götze and
    van Zwet (Statistica Sinica 7, 1997)."""
    level: float
    """Confidence of the intervals."""
    seed: int


@dataclass(frozen=True)
class Interval:
    """A percentile interval around a value. NaN where nothing can be said."""

    value: float
    low: float
    high: float
    undefined: int
    """Resamples in which the value was undefined: left out of the interval."""


@dataclass(frozen=True)
class Samples:
    """What was measured on the test part and on every resample of it."""

    values: dict[str, dict[str, "np.ndarray"]]
    """By predictor and measure: the value on all rows, (…)."""
    drawn: dict[str, dict[str, "np.ndarray"]]
    """By predictor and measure: the value on each resample, (resamples, …)."""
    shrink: float
    """sqrt(units drawn / units there are), 1 unless the test part is large."""
    level: float

    def interval(self, predictor: str, measure: str) -> Interval:
        """The interval of a measure that is one number."""
        return self._interval(
            self.values[predictor][measure].item(), self.drawn[predictor][measure]
        )

    def intervals(self, predictor: str, measure: str) -> list[Interval]:
        """The intervals of a measure that is several numbers."""
        values, drawn = self.values[predictor][measure], self.drawn[predictor][measure]
        return [self._interval(value.item(), drawn[:, place]) for place, value in enumerate(values)]

    def difference(self, predictor: str, other: str, measure: str) -> Interval:
        """The interval of the paired difference, ``predictor`` less ``other``."""
        return self._interval(
            (self.values[predictor][measure] - self.values[other][measure]).item(),
            self.drawn[predictor][measure] - self.drawn[other][measure],
        )

    def _interval(self, value: float, drawn: "np.ndarray") -> Interval:
        import numpy as np

        defined = drawn[np.isfinite(drawn)]
        undefined = len(drawn) - len(defined)
        # With most resamples undefined, the few that are left are no fair picture of the spread.
        if not math.isfinite(value) or 2 * undefined > len(drawn):
            return Interval(value, math.nan, math.nan, undefined)
        tail = (1 - self.level) / 2
        low, high = np.quantile(defined, (tail, 1 - tail))
        if self.shrink < 1:
            low, high = (value + self.shrink * (end - value) for end in (low, high))
        return Interval(value, float(low), float(high), undefined)


def resample(
    truth: "np.ndarray",
    predictions: Mapping[str, "np.ndarray"],
    measures: Mapping[str, Measure],
    resampling: Resampling,
    unit: "np.ndarray | None" = None,
    weights: "np.ndarray | None" = None,
) -> Samples:
    """Measure every predictor on the test part and on the same resamples of it.

    Rows that a resample did not draw are left out of it, so that a measure sees what it would see
    if the drawn rows were all there are.

    :param truth: (rows,).
    :param predictions: by predictor, (rows, …).
    :param measures: by name.
    :param resampling: how often and how.
    :param unit: int64, (rows,): which rows are drawn together, numbered from 0; None: each alone.
    :param weights: float64, (rows,): how much each row counts; None: all alike.
    """
    import numpy as np

    if weights is None:
        weights = np.ones(len(truth))
    generator = np.random.default_rng(resampling.seed)
    rows = len(truth)
    units = rows if unit is None else int(unit.max()) + 1
    draws = math.ceil(units * min(1.0, resampling.rows / rows))
    lists: dict[str, dict[str, list[float | np.ndarray]]] = {
        predictor: {name: [] for name in measures} for predictor in predictions
    }
    whole = _measured(truth, predictions, measures, weights)
    with _unchecked():
        for _ in range(resampling.resamples):
            counts = np.bincount(generator.integers(units, size=draws), minlength=units)
            if unit is not None:
                counts = counts[unit]
            (kept,) = np.nonzero(counts)
            chosen = {name: prediction[kept] for name, prediction in predictions.items()}
            drawn = counts[kept] * weights[kept]
            for name, values in _measured(truth[kept], chosen, measures, drawn).items():
                for measure, value in values.items():
                    lists[name][measure].append(value)
    return Samples(
        values={
            name: {measure: np.asarray(value, np.float64) for measure, value in values.items()}
            for name, values in whole.items()
        },
        drawn={
            name: {measure: np.asarray(value, np.float64) for measure, value in values.items()}
            for name, values in lists.items()
        },
        shrink=math.sqrt(draws / units),
        level=resampling.level,
    )


def _unchecked() -> AbstractContextManager[None]:
    """Keep scikit-learn, where a measure has imported it, from checking what it is given.

    It has checked the whole; 500 times again would be half the time.
    """
    if "sklearn" not in sys.modules:
        return nullcontext()
    from sklearn import config_context

    unchecked: AbstractContextManager[None] = config_context(
        assume_finite=True, skip_parameter_validation=True
    )
    return unchecked


def _measured(
    truth: "np.ndarray",
    predictions: Mapping[str, "np.ndarray"],
    measures: Mapping[str, Measure],
    weights: "np.ndarray",
) -> dict[str, dict[str, "float | np.ndarray"]]:
    return {
        name: {
            measure: function(truth, prediction, weights) for measure, function in measures.items()
        }
        for name, prediction in predictions.items()
    }
