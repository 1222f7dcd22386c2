"""What the written rows must satisfy."""

from typing import TYPE_CHECKING, Any

from plait.data.dataset import Column, Source, Type
from plait.errors import UserError
from plait.json_types import mapping_at
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import pandas as pd
    from pandera.pandas import DataFrameSchema

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
    return {name for name, count in mapping_at(source.counts, "missing").items() if count}


def schema(source: Source) -> "DataFrameSchema":
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


def validate(frame: "pd.DataFrame", schema: "DataFrameSchema", name: str) -> None:
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
