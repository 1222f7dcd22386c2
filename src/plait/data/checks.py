"""What the written rows must satisfy, and what features must not know."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.data.dataset import Column, Source, Type
from plait.errors import UserError
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import pandas as pd

DTYPES: dict[Type, str] = {
    "number": "float64",
    "category": "str",
    "labels": "str",
    "date": "datetime64[us]",
    "text": "str",
    "file": "str",
}
"""How the types lie in pandas; the ``index`` column is int64."""


def dtype(column: Column) -> str:
    """The pandas type of a column of the parts."""
    return "int64" if column.role == "index" else DTYPES[column.type]


def may_be_missing(source: Source) -> set[str]:
    """The columns whose missing values are left for the model to impute.

    A source declares them by ``counts["missing"]`` (values by column) together with
    ``counts["missing_are"] == "imputed"``.
    """
    if source.counts.get("missing_are") != "imputed":
        return set()
    return {name for name, count in source.counts["missing"].items() if count}


def schema(source: Source) -> Any:
    """The pandera schema of a chunk of rows that stand in some part.

    :returns: a ``pandera.pandas.DataFrameSchema``: types, no missing values but where declared,
        no infinities, no label but the classes.
    """
    import numpy as np
    import pandera.pandas as pandera

    missing_allowed = may_be_missing(source)
    task = task_named(source.task)
    columns = {}
    for column in source.columns:
        conditions = []
        if column.type == "number":
            conditions.append(pandera.Check(np.isfinite, error="is infinite"))
        nullable = column.name in missing_allowed
        if column.role == "target":
            nullable = nullable or task.unlabelled
            values = task.allowed(column.name, source.classes)
            if values is not None:
                classes = list(values)
                conditions.append(pandera.Check.isin(classes, error=f"is none of {classes}"))
        columns[column.name] = pandera.Column(dtype(column), conditions, nullable=nullable)
    return pandera.DataFrameSchema(columns)


def validate(frame: "pd.DataFrame", schema: Any, name: str) -> None:
    """Check rows whose pandas index is their number at the source.

    :raises UserError: naming data source, column, row and value of the first fault.
    """
    from pandera.errors import SchemaError, SchemaErrorReason

    try:
        schema.validate(frame)
    except SchemaError as error:
        where = f"data source {name!r}, column {error.schema.name!r}"
        if error.reason_code is SchemaErrorReason.SERIES_CONTAINS_NULLS:
            fault = f"row {_first(error, 'index')}: a value is missing, and none is declared to be"
        elif error.reason_code is SchemaErrorReason.DATAFRAME_CHECK:
            value = _first(error, "failure_case")
            fault = f"row {_first(error, 'index')}: {value!r} {error.check.error}"
        elif error.reason_code is SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME:
            where = f"data source {name!r}"
            fault = f"column {error.failure_cases!r} is declared but not among the rows' columns"
        else:
            fault = str(error).splitlines()[0]
        raise UserError(f"{where}, {fault}") from None


def _first(error: Any, key: str) -> Any:
    import numpy as np

    value = error.failure_cases[key].iloc[0]
    return value.item() if isinstance(value, np.generic) else value


def refuse_shared_rows(parts: Iterable[Path], rows: int) -> None:
    """Read the ``row`` columns back and check that no row stands in two parts, or twice in one.

    :param parts: Parquet files.
    :param rows: rows at the source; a byte is held for each.
    :raises AssertionError: naming the row.
    """
    import numpy as np
    import pyarrow.parquet as parquet

    seen = np.zeros(rows, dtype=bool)
    for path in parts:
        with parquet.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                numbers = file.read_row_group(group, columns=["row"])["row"].to_numpy()
                again = numbers[seen[numbers]]
                assert not len(again), f"row {again[0]} stands in two parts"
                seen[numbers] = True
                assert int(np.count_nonzero(np.diff(numbers) <= 0)) == 0, f"{path.name}: order"


def changed_by_the_future(
    features: "Callable[[pd.DataFrame], pd.DataFrame]",
    rows: "pd.DataFrame",
    time: str,
    cuts: "Iterable[Any]",
) -> list[str]:
    """The features that change when what comes after a time is cut off: those look ahead.

    :param features: from rows to a frame with the same index, a column a feature.
    :param rows: the raw rows.
    :param time: their column of times.
    :param cuts: the times after which rows are cut off.
    :returns: names of the columns that differ, in order; empty if nothing looks ahead.
    """
    whole = features(rows)
    changed: dict[str, None] = {}
    for cut in cuts:
        past = rows[rows[time] <= cut]
        recomputed = features(past)
        expected = whole.loc[past.index]
        for name in whole.columns:
            if not recomputed[name].equals(expected[name]):
                changed[name] = None
    return list(changed)
