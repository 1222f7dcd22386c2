"""Tables for a terminal."""

from collections.abc import Container, Sequence

GAP = "  "
"""Between two columns."""


def widths_of(rows: Sequence[Sequence[str]]) -> list[int]:
    """By column, the characters of its longest cell."""
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def aligned(
    rows: Sequence[Sequence[str]], right: Container[int] = (), widths: Sequence[int] | None = None
) -> list[str]:
    """A line for each row, with its columns below one another.

    :param rows: of equally many cells each.
    :param right: the columns that end at the same place; the others begin there.
    :param widths: by column, the characters that it takes at least; None: as `widths_of` gives.
    """
    widths = widths_of(rows) if widths is None else widths
    return [
        GAP.join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
