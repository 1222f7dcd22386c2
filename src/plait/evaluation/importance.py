"""Permutation importance: how much worse a model becomes without the values of a column.

Breiman, Random Forests (Machine Learning 45, 2001); Fisher, Rudin and Dominici, All Models are
Wrong, but Many are Useful (Journal of Machine Learning Research 20, 2019).
"""

from typing import TYPE_CHECKING

from plait.artifacts import significant
from plait.evaluation.association import associations
from plait.evaluation.encoded import EncodedRows
from plait.evaluation.entries import ColumnImportance, GoesWith, Importance, Stated, interval_of
from plait.evaluation.intervals import Interval, resample
from plait.evaluation.metrics import Metric, RowFunction
from plait.evaluation.settings import ImportanceSettings
from plait.evaluation.stated import MODEL, number, stated, without_noise
from plait.evaluation.task import Assessment

if TYPE_CHECKING:
    import numpy as np

ALIKE = 0.8
"""Association from which on columns are said to share their importance."""

WORSENING = "worsening"
"""The name of what is resampled."""


def permuted_rows(assessment: Assessment, settings: ImportanceSettings) -> "np.ndarray":
    """The numbers of the test rows whose values are permuted, rising; drawn where there are more.

    Not evenly chosen: every fifth row may be of the same group.
    """
    import numpy as np

    count = len(assessment.test)
    if count <= settings.max_rows:
        return np.arange(count)
    generator = np.random.default_rng(assessment.resampling.seed)
    return np.sort(generator.choice(count, settings.max_rows, replace=False))


def importance(
    encoded: EncodedRows,
    rows: "np.ndarray",
    assessment: Assessment,
    metric: Metric,
    settings: ImportanceSettings,
) -> Importance:
    """By column, how much worse a metric becomes when the column's values are permuted among rows.

    :param encoded: the rows that are permuted.
    :param rows: their numbers among all test rows.
    :param assessment: of all test rows.
    :param metric: a mean over rows, else nothing is measured.
    :returns: the most important column first; of no column, with the reason, where none can be
        measured.
    """
    columns = len(encoded.places)
    if metric.of_rows is None:
        return _none(f"{metric.title} is no mean over rows, and the task names no metric that is.")
    if columns > settings.max_columns:
        return _none(
            f"{columns:,} columns are more than evaluation.importance.max_columns,"
            f" {settings.max_columns:,}."
        )
    value, intervals = _intervals(encoded, rows, assessment, metric, metric.of_rows, settings)
    told = _ranked(intervals, _partners(encoded))
    ends = {row["name"]: interval_of(row["importance"]) for row in told}
    return {
        "metric": metric.title,
        "value": number(value),
        "rows": len(rows),
        "repeats": settings.repeats,
        "alike": ALIKE,
        "columns": told,
        "of_no_help": [name for name, pair in ends.items() if pair and pair[0] <= 0 <= pair[1]],
        "harmful": [name for name, pair in ends.items() if pair and pair[1] < 0],
        "reason": None,
    }


def _none(reason: str) -> Importance:
    return {
        "metric": "",
        "value": None,
        "rows": 0,
        "repeats": 0,
        "alike": ALIKE,
        "columns": [],
        "of_no_help": [],
        "harmful": [],
        "reason": reason,
    }


def _intervals(
    encoded: EncodedRows,
    rows: "np.ndarray",
    assessment: Assessment,
    metric: Metric,
    of_rows: RowFunction,
    settings: ImportanceSettings,
) -> tuple[float, dict[str, Stated]]:
    """The metric of the rows as they are, and by column its worsening with an interval.

    Each row has a worsening of its own, the mean over the permutations. Rows are drawn again with
    it, together where they belong together, so that the interval is of both.
    """
    import numpy as np

    resampling = assessment.resampling
    generator = np.random.default_rng(resampling.seed)
    # The same for every column, so that columns differ by themselves alone.
    others = np.array([generator.permutation(len(rows)) for _ in range(settings.repeats)])
    truth = assessment.truth[rows]
    at_first = of_rows(truth, encoded.predicted())
    sign = 1 if metric.direction == "minimize" else -1
    worsening = np.empty((len(rows), len(encoded.places)))
    for place, name in enumerate(encoded.places):
        permuted = [of_rows(truth, said) for said in encoded.predicted_with(name, others)]
        worsening[:, place] = sign * (np.mean(permuted, axis=0) - at_first)
    unit = assessment.unit
    weights = None if assessment.weights is None else assessment.weights[rows]
    samples = resample(
        truth,
        {MODEL: worsening},
        {WORSENING: lambda _, drawn, weights: weights @ drawn / weights.sum()},
        resampling,
        None if unit is None else np.unique(unit[rows], return_inverse=True)[1],
        weights,
    )
    value = float(np.average(at_first, weights=weights))
    found = zip(encoded.places, samples.intervals(MODEL, WORSENING), strict=True)
    intervals = {
        name: stated(_unsigned(without_noise(interval, [value, value + sign * interval.value])))
        for name, interval in found
    }
    return value, intervals


def _unsigned(interval: Interval) -> Interval:
    """An interval whose zeros have no sign: noise below zero is rounded to -0.0."""
    value, low, high = (end + 0.0 for end in (interval.value, interval.low, interval.high))
    return Interval(value, low, high, interval.undefined)


def _partners(encoded: EncodedRows) -> dict[str, GoesWith]:
    """By column, the one that it goes most with, if they are `ALIKE`."""
    import numpy as np

    names = list(encoded.places)
    strength = associations(encoded)
    np.fill_diagonal(strength, 0)
    partners = strength.argmax(axis=1)
    return {
        name: {"name": names[partner], "association": significant(float(strength[place, partner]))}
        for place, (name, partner) in enumerate(zip(names, partners, strict=True))
        if strength[place, partner] >= ALIKE
    }


def _ranked(intervals: dict[str, Stated], partners: dict[str, GoesWith]) -> list[ColumnImportance]:
    """A row a column, the most important first; of equals, in the order of the table."""
    rows: list[ColumnImportance] = [
        {"name": name, "importance": interval, "goes_with": partners.get(name)}
        for name, interval in intervals.items()
    ]
    return sorted(rows, key=lambda row: -(row["importance"]["value"] or 0.0))
