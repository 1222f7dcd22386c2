"""How a file is written, as far as it shows: separator, encoding, decimal sign."""

import re
from pathlib import Path

from plait.data import reading
from plait.data.column_types import DECIMAL
from plait.data.decoding import decodes
from plait.data.delimited import ENDINGS, SEPARATORS
from plait.data.reading import TextFormat
from plait.errors import UserError
from plait.json_types import Values, text_at

ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
"""In the order in which they are tried; the last one reads anything."""


def format_of(path: str, root: Path, defaults: Values) -> TextFormat:
    """The format by which a file can be read; the defaults where it says nothing.

    :param path: relative to ``root``.
    :param defaults: the section ``data.format``.
    """
    if Path(path).suffix.lower() not in ENDINGS:
        return TextFormat.model_validate(defaults)
    content = reading.find(path, root).read_bytes()
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    fitting = (each for each in ENCODINGS if (each == "utf-16") == marked)
    encoding = next((each for each in fitting if decodes(content, each)), "utf-8")
    header = content.decode(encoding).removeprefix("\ufeff").lstrip().partition("\n")[0]
    standing = {each: header.count(each) for each in SEPARATORS}
    given = text_at(defaults, "separator")
    separator = given if standing.get(given) else max(standing, key=lambda each: standing[each])
    found = {"encoding": encoding, "separator": separator if standing[separator] else given}
    return TextFormat.model_validate({**defaults, **found})


def decimal_of(error: UserError) -> str | None:
    """The decimal sign that a fault of a column's values asks for."""
    found = re.search(f"data.format.decimal is .*; {DECIMAL} '(.)'", str(error))
    return found[1] if found else None
