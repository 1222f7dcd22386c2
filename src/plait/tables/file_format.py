"""How a file is written, as far as it shows: encoding and separator."""

import csv
from collections.abc import Container
from itertools import islice
from pathlib import Path

from plait.data import reading
from plait.data.decoding import decodes, likely_encoding
from plait.data.delimited import ENDINGS, SEPARATORS
from plait.data.reading import TextFormat, separator_line
from plait.json_types import Values, text_at

RARE = (" ", ":")
"""Separators that stand in other text as well: they need more evidence."""

LINES = 200
"""Of a file that are looked at."""

_ENOUGH = 1 << 20
"""Characters that surely hold them."""


def format_of(path: str, root: Path, defaults: Values, stated: Container[str] = ()) -> TextFormat:
    """The format by which a file can be read; the defaults where it says nothing.

    :param path: relative to ``root``.
    :param defaults: the section ``data.format``, with what the user states.
    :param stated: the keys that the user states: they stand.
    """
    if Path(path).suffix.lower() not in reading.TEXT_ENDINGS:
        return TextFormat.model_validate(defaults)
    content = reading.find(path, root).read_bytes()
    form = dict(defaults)
    if "encoding" not in stated:
        form["encoding"] = likely_encoding(content)
    encoding = text_at(form, "encoding")
    divided = Path(path).suffix.lower() in ENDINGS and "separator" not in stated
    if divided and decodes(content, encoding):
        text = content.decode(encoding).removeprefix("\ufeff").lstrip()
        form["separator"] = _separator(text[:_ENOUGH], defaults)
    return TextFormat.model_validate(form)


def _separator(text: str, defaults: Values) -> str:
    """What Excel is told, else what divides all lines alike, else what the header has most of."""
    given, quote = text_at(defaults, "separator"), defaults["quote"]
    said = separator_line(text)
    if said is not None:
        return said[0]
    lines = _lines(text)
    if not lines:
        return given
    alike: dict[str, int] = {}
    for each in (*SEPARATORS, *RARE):
        widths, numeric = _divided(lines, each, None if quote is None else str(quote))
        if len(widths) == 1 and max(widths) > 1 and (numeric or each not in RARE):
            alike[each] = max(widths)
    common = {each: width for each, width in alike.items() if each in SEPARATORS}
    if common:
        return given if given in common else max(common, key=lambda each: common[each])
    standing = {each: lines[0].count(each) for each in SEPARATORS}
    if any(standing.values()):
        return given if standing.get(given) else max(standing, key=lambda each: standing[each])
    return max(alike, key=lambda each: alike[each]) if alike else given


def _lines(text: str) -> list[str]:
    ends = "\n" if "\n" in text else "\r"
    lines = (line for line in text.split(ends) if line.strip())
    return list(islice(lines, LINES))


def _divided(lines: list[str], separator: str, quote: str | None) -> tuple[set[int], bool]:
    """How many fields lines have, and whether all have a number in some column but the header."""
    rows = list(
        csv.reader(
            lines,
            delimiter=separator,
            quotechar=quote,
            quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
        )
    )
    # The last one may be cut off.
    whole = rows[:-1] if len(rows) >= LINES else rows
    columns = zip(*whole[1:], strict=False)
    numeric = any(all(map(_is_number, column)) for column in columns)
    return {len(row) for row in whole}, numeric


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace(",", "", 1).lstrip("+-").isdecimal()
