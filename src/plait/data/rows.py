"""Rows to predict as a service has them: values by column, without a DataFrame."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from plait.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Columns = Mapping[str, "Sequence[object] | np.ndarray | pd.Series"]
"""The values by column, as many in each."""


def columns_of(rows: Mapping[str, object]) -> tuple[Columns, int]:
    """The columns, and how many rows they have.

    :param rows: by column one value each, which is one row; or a list, tuple, array or series
        each.
    :raises UserError: naming two columns that have not as many values.
    """
    import numpy as np
    import pandas as pd

    plain = np.bool_ | np.number | np.str_
    columns: dict[str, Sequence[object] | np.ndarray | pd.Series] = {}
    single: dict[str, object] = {}
    for name, value in rows.items():
        if isinstance(value, list | tuple | np.ndarray | pd.Series):
            columns[name] = value
        else:
            single[name] = value.item() if isinstance(value, plain) else value
    if not columns:
        return {name: [value] for name, value in single.items()}, 1
    counts = {len(values): f"column {name!r} has {len(values)}" for name, values in columns.items()}
    told = [*counts.values(), *(f"column {name!r} is a single value" for name in list(single)[:1])]
    if len(told) > 1:
        raise UserError(f"{told[0]}, and {told[1]}: each column has a value for each row")
    return columns, next(iter(counts))


def frame_of(columns: Columns) -> "pd.DataFrame":
    """The columns as a DataFrame; values of lists keep the types that they have there."""
    import pandas as pd

    return pd.DataFrame(
        {
            name: pd.Series(values, dtype=object) if isinstance(values, list | tuple) else values
            for name, values in columns.items()
        }
    )


def values_of(column: "Sequence[object] | np.ndarray | pd.Series") -> Sequence[object]:
    """A column's values as Python has them, as a walk over a series meets them."""
    import numpy as np
    import pandas as pd

    if isinstance(column, list | tuple):
        return column
    if isinstance(column, np.ndarray) and column.dtype.kind in "biufUO":
        values: list[object] = column.tolist()
        return values
    return list(pd.Series(column))
