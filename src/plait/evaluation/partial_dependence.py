"""Partial dependence: what a model says on average as one column takes one value after the other.

Friedman, Greedy Function Approximation (Annals of Statistics 29, 2001). The band is of the rows'
own curves, each moved to the mean of all, as Goldstein et al. centre theirs (Peeking Inside the
Black Box, Journal of Computational and Graphical Statistics 24, 2015): it is wide where the column
does not do the same to all rows.
"""

from typing import TYPE_CHECKING

from plait.data.dataset import Column
from plait.data.encoders.dates import as_dates
from plait.data.encoders.number import as_numbers
from plait.data.raw_column import column_of
from plait.evaluation.encoded import EncodedRows
from plait.evaluation.entries import Dependence, DependenceLine
from plait.evaluation.plots.canvas import evenly
from plait.evaluation.stated import rounded
from plait.evaluation.task import Assessment, evaluation_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ROWS = 300
"""Test rows whose curves are averaged, at most."""

POINTS = 15
"""Numbers and dates at which a curve is known, at most: equally far apart in rows."""

CATEGORIES = 10
"""Categories at most, the most frequent ones."""

BAND = 0.8
"""Share of the rows' own curves that the band holds at each point."""

MISSING = "(missing)"


def partial_dependence(
    encoded: EncodedRows, rows: "np.ndarray", assessment: Assessment, names: list[str]
) -> list[Dependence]:
    """An entry a column, in the order given; none for a task that says what cannot be averaged.

    :param encoded: test rows.
    :param rows: their numbers among all test rows.
    :param assessment: of all test rows.
    :param names: of the columns.
    """
    chosen = evenly(len(rows), ROWS)
    encoded, frame = encoded.take(chosen), assessment.test.iloc[rows[chosen]]
    columns = {column.name: column for column in assessment.dataset.features}
    found = (_of_column(columns[name], encoded, frame, assessment) for name in names)
    return [each for each in found if each["points"] and each["lines"]]


def _of_column(
    column: Column, encoded: EncodedRows, frame: "pd.DataFrame", assessment: Assessment
) -> Dependence:
    import numpy as np

    values = column_of(frame, column.name)
    labels, sources = _POINTS.get(column.type, _categories)(values, column)
    lines: list[DependenceLine] = []
    if labels:
        others = np.repeat(np.array(sources)[:, None], len(frame), axis=1)
        said = encoded.predicted_with(column.name, others)
        told = evaluation_of(assessment.dataset.task).told(said, assessment.dataset)
        lines = [
            _line(label, curves) for label, curves in told.items() if np.isfinite(curves).all()
        ]
    return {
        "column": column.name,
        "type": column.type,
        "unit": column.unit,
        "points": labels,
        "lines": lines,
    }


def _line(label: str, curves: "np.ndarray") -> DependenceLine:
    """The mean and the band of the rows' own curves, (points, rows)."""
    import numpy as np

    mean = curves.mean(axis=1)
    moved = curves - curves.mean(axis=0) + mean.mean()
    low, high = np.quantile(moved, ((1 - BAND) / 2, (1 + BAND) / 2), axis=1)
    return {"label": label, "mean": rounded(mean), "low": rounded(low), "high": rounded(high)}


def _numbers(values: "pd.Series", column: Column) -> tuple[list[float | str], list[int]]:
    """Numbers that rows have, rising, and the place of a row with each."""
    numbers = as_numbers(values, column.decimal)
    places = _spread(numbers)
    return [*rounded(numbers[places])], places


def _dates(values: "pd.Series", column: Column) -> tuple[list[float | str], list[int]]:
    """Dates that rows have, as ISO 8601 has them, rising, and the place of a row with each."""
    import numpy as np

    dates = as_dates(values, column.date_format)
    known = dates.notna().to_numpy()
    since = np.where(known, dates.fillna(dates.min()).astype("int64"), np.nan)
    places = _spread(since)
    return [dates.iloc[place].isoformat() for place in places], places


def _spread(numbers: "np.ndarray") -> list[int]:
    """Places of numbers that are equally far apart in rows, rising, each number once.

    :param numbers: (rows,), NaN where missing.
    """
    import numpy as np

    order = np.argsort(numbers, kind="stable")[: np.isfinite(numbers).sum()]
    if not len(order):
        return []
    # A twentieth of the rows beyond each end: there a model knows little, and so would the curve.
    ends = (0.05 * (len(order) - 1), 0.95 * (len(order) - 1))
    distinct, first = np.unique(numbers[order], return_index=True)
    if len(distinct) <= POINTS:
        return [int(place) for place in order[first]]
    wanted = order[np.linspace(*ends, POINTS).round().astype(np.int64)]
    _, kept = np.unique(numbers[wanted], return_index=True)
    return [int(place) for place in wanted[kept]]


def _categories(values: "pd.Series", column: Column) -> tuple[list[float | str], list[int]]:
    """The most frequent categories, and the place of a row with each."""
    import pandas as pd

    texts = [MISSING if pd.isna(value) else str(value) for value in values]
    counts = pd.Series(texts, dtype=object).value_counts(sort=False)
    frequent = counts.sort_values(ascending=False, kind="stable").index[:CATEGORIES]
    return [*frequent], [texts.index(text) for text in frequent]


_POINTS = {"number": _numbers, "date": _dates}
"""By type of a column; of all others it is `_categories`."""
