"""Learning curves on disk: a row an epoch, a column a value."""

import csv
import io
from pathlib import Path

from plait.artifacts import write_text


def write_curves(path: Path, rows: list[dict[str, float]]) -> None:
    """Write the rows as CSV; columns in order of their first appearance, ``epoch`` first."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
