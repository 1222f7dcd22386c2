"""Rows of JSON lines: an object a line, whose numbers keep the kind that they are written in."""

import json
import math
from collections.abc import Callable, Container
from typing import TYPE_CHECKING

from plait.data.decoding import check_unicode, lines_of
from plait.data.header import check_names
from plait.errors import UserError
from plait.json_types import Json
from plait.tasks.label_sets import to_text

if TYPE_CHECKING:
    import pandas as pd

_MOST_DIGITS = 1000


def read_json_lines(
    text: str,
    path: str,
    missing: list[str],
    lists: Container[str],
    is_used: Callable[[str], bool],
) -> "pd.DataFrame":
    """A row an object, a column a key; a key that a line lacks is a missing value there.

    :param missing: words that stand for a missing value.
    :param lists: keys that may hold lists of labels.
    :param is_used: of a key, whether its values are read.
    :raises UserError: naming the line that is no such object, or holds what is no text or number.
    """
    import pandas as pd

    names: dict[str, bool] = {}
    rows = []
    for number, line in enumerate(lines_of(text), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        row = _json_object(line, where)
        for name in row.keys() - names.keys():
            check_unicode(name, f"{where}: a key")
            names[name] = is_used(name)
        values = {}
        for name in row:
            if names[name]:
                value = row[name]
                if name in lists and isinstance(value, list):
                    value = to_text(value)
                values[name] = _checked(value, where, name)
        rows.append(values)
    check_names(list(names), path)
    return pd.DataFrame({name: _column([row.get(name) for row in rows], missing) for name in names})


def _json_object(line: str, where: str) -> dict[str, Json]:
    try:
        row = json.loads(
            line,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
    except RecursionError:
        raise UserError(f"{where}: is nested too deeply") from None
    except ValueError as error:
        raise UserError(f"{where}: is no JSON: {error}") from None
    if not isinstance(row, dict):
        raise UserError(f'{where}: is no JSON object, such as {{"text": "…"}}')
    return row


def _unique_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {again!r} stands in it twice")
    return found


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON's; write null for a missing value")


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"{digits[:20]}… has {len(digits)} digits; write it as a text")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:60]} is larger than any float64")
    if number == 0 and any(map(digits.lower().partition("e")[0].__contains__, "123456789")):
        raise ValueError(f"{digits[:60]} is smaller than any float64")
    return number


def _checked(value: Json, where: str, key: str) -> str | bool | int | float | None:
    if isinstance(value, str):
        check_unicode(value, f"{where}: {key!r}")
    elif value is not None and not isinstance(value, bool | int | float):
        raise UserError(
            f"{where}: {key!r} holds a {type(value).__name__}; plait reads texts and numbers there"
        )
    return value


def _column(values: list[str | bool | int | float | None], missing: list[str]) -> "pd.Series":
    """Numbers as ``object`` where there is nothing else; equal ones are equal. Else ``str``."""
    import pandas as pd

    texts = [
        value if value is None or isinstance(value, str) else json.dumps(value) for value in values
    ]
    kept = [None if text in missing else value for text, value in zip(texts, values, strict=True)]
    kinds = {type(value) for value in kept if value is not None}
    if kinds and kinds <= {int, float}:
        if len(kinds) == 2:
            # 1e3 beside 7 is 1000, as a column of whole numbers writes it.
            kept = [
                int(value) if isinstance(value, float) and value.is_integer() else value
                for value in kept
            ]
        return pd.Series(kept, dtype="object")
    return pd.Series([None if text in missing else text for text in texts], dtype="str")
