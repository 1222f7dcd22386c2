"""A column of a part, or of rows to predict."""

from typing import TYPE_CHECKING

from plait.errors import UserError
from plait.tasks.single import some

if TYPE_CHECKING:
    import pandas as pd


def column_of(frame: "pd.DataFrame", name: str) -> "pd.Series":
    """A column whose index names its rows: their numbers at the source where they are known.

    :raises UserError: if there is none of that name.
    """
    if name not in frame.columns:
        raise UserError(
            f"column {name!r} is missing; there are {some([str(column) for column in frame])}"
        )
    rows = frame["row"] if "row" in frame.columns else range(len(frame))
    return frame[name].set_axis(list(rows), axis=0)
