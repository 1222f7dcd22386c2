"""The names of a file's columns: each given, given once, and there where one is asked for."""

from collections.abc import Iterable, Sequence

from plait.errors import UserError, did_you_mean
from plait.terminal import in_a_line


def check_names(header: Sequence[str], path: str) -> None:
    """Refuse a column without a name, or with that of another.

    :raises UserError: naming the first such column.
    """
    for number, name in enumerate(header, start=1):
        if not name.strip():
            raise UserError(
                f"{path}: column {number} has no name in the header; give it one, or drop it"
                " (pandas writes its index so: to_csv(index=False) does not)"
            )
        if name in header[: number - 1]:
            first = list(header).index(name) + 1
            raise UserError(
                f"{path}: columns {first} and {number} are both named {name!r}; rename one"
            )


def require(names: Iterable[str], columns: Sequence[str], path: str, purpose: str) -> None:
    """Check that the columns are there.

    :raises UserError: naming the first that is missing, the nearest one and all there are.
    """
    for name in names:
        if name not in columns:
            meant = did_you_mean(name, columns, quoted=True)
            shown = ", ".join(map(in_a_line, columns[:12])) + (", …" if len(columns) > 12 else "")
            raise UserError(f"{path} has no column {name!r} ({purpose}){meant}\nit has: {shown}")
