"""Several labels of one text: in a column each set is the text of a JSON list, sorted.

Imports nothing but numpy and pandas from outside: it travels with every logged model.
"""

import ast
import json
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from plait.errors import UserError
from plait.json_types import Json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def to_text(labels: Iterable[Json]) -> str:
    """A set of labels as its column has it: each once, in order; what is empty is none."""
    words = (str(label).strip() for label in labels if label is not None)
    return json.dumps(sorted({word for word in words if word}), ensure_ascii=False)


def from_text(text: str) -> list[str]:
    """The labels, in order.

    :raises ValueError: if it is none that `to_text` wrote.
    """
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(label, str) for label in found):
        raise ValueError(f"{text!r} is no list of labels")
    return found


_LIST = re.compile(r"""\[\s*['"]""")
"""How a list of texts begins."""

_NEIGHBOURS = re.compile(r"""['"]\s+['"]""")
"""Two texts without a comma between, as numpy prints them; Python makes one of them."""


def parse(column: "pd.Series", separator: str, where: str) -> "pd.Series":
    """A user's column as `to_text` writes it.

    :param column: ``str``, (rows,): lists as JSON or Python writes them, or labels with a separator
        between them. A missing value is a text without labels.
    :param where: how errors call its origin.
    :raises UserError: naming the row of what looks like a list and is none.
    """
    import pandas as pd

    texts = column.fillna("").str.strip()
    sets = []
    for row, text in texts.items():
        found = _list_in(text) if text.startswith("[") and text.endswith("]") else None
        if found is None and _LIST.match(text):
            raise UserError(
                f"{where}: column {column.name!r}, row {row}: {text[:60]!r} is no list of labels;"
                f' write ["grain", "strike"], or grain{separator}strike'
            )
        sets.append(to_text(text.split(separator) if found is None else found))
    return pd.Series(sets, index=column.index, name=column.name, dtype="str")


def _list_in(text: str) -> list[Json] | None:
    """The list that JSON or Python wrote; None if it is neither's."""
    try:
        found = json.loads(text)
    except ValueError:
        if _NEIGHBOURS.search(text):
            return None
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return None
    return found if isinstance(found, list) else None


def exploded(column: "pd.Series") -> "pd.Series":
    """A row a label, ``str``; the index is that of the label's row."""
    return column.map(from_text).explode().dropna().astype("str")


def rarest(column: "pd.Series") -> "pd.Series":
    """Of each row the label that the fewest rows have, ``str``; of none the empty text."""
    labels = exploded(column)
    counts = labels.value_counts()
    order = sorted(counts.index, key=lambda label: (counts[label], label))
    rank = {label: number for number, label in enumerate(order)}
    return column.map(lambda text: min(from_text(text), key=rank.__getitem__, default=""))


def indicators(column: "pd.Series", classes: Sequence[str]) -> "np.ndarray":
    """Which labels each row has, int64 0 or 1, (rows, classes).

    :raises UserError: naming row and value of a label that is none of the classes.
    """
    import numpy as np

    places = {label: number for number, label in enumerate(classes)}
    found = np.zeros((len(column), len(classes)), dtype=np.int64)
    for row, (index, text) in enumerate(column.astype("str").items()):
        for label in from_text(text):
            if label not in places:
                raise UserError(
                    f"column {column.name!r}, row {index}: {label!r} is no label of the data set;"
                    f" there are: {', '.join(classes)}"
                )
            found[row, places[label]] = 1
    return found


def sets_of(indicated: "np.ndarray", classes: Sequence[str]) -> list[str]:
    """The inverse of `indicators`."""
    return [
        to_text(label for label, has in zip(classes, row, strict=True) if has) for row in indicated
    ]


def in_words(indicated: "np.ndarray", classes: Sequence[str]) -> list[str]:
    """Sets of labels as people read them, (rows,), of indicators, (rows, classes)."""
    return [
        "; ".join(label for label, has in zip(classes, row, strict=True) if has)
        for row in indicated
    ]
