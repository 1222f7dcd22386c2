"""A column of a part, or of rows to predict."""

from typing import TYPE_CHECKING

from plait.errors import UserError
from plait.tasks.single import by_source_row, some

if TYPE_CHECKING:
    import pandas as pd


def column_of(frame: "pd.DataFrame", name: str) -> "pd.Series":
    """A column, see `by_source_row`.

    :raises UserError: if there is none of that name.
    """
    if name not in frame.columns:
        raise UserError(
            f"column {name!r} is missing; there are {some([str(column) for column in frame])}"
        )
    return by_source_row(frame, name)
