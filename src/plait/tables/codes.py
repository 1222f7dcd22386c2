"""Digits that count nothing: postcodes, telephone numbers, and what numbers rows."""

import re

from plait.tables.texts import Texts

PHONE = re.compile(r"\+[1-9][\s()/-]*\d[\d\s()/-]{5,}\d|\(?0\d{2,5}\)?[\s/-]\s?\d[\d\s]{4,}")
"""A telephone number, as it is written with its country or area."""

_WHOLE = re.compile(r"\s*\d+\s*")

_LEADING_ZERO = re.compile(r"\s*0\d+\s*")

_PHONE_NAMES = re.compile(r"(?i)(^|[\W_])(tele)?(phone|fon|fax|mobile|tel|handy)($|[\W_])")

_POSTAL_NAMES = re.compile(r"(?i)(^|[\W_])(zip|plz|cap|post(al)?[\W_]?code|zip[\W_]?code)($|[\W_])")

_ROW_NAMES = re.compile(r"(?i)unnamed: 0|index|(.*[\W_])?(row[\W_]?)?(id|key|nr|rowid)")

_FEWEST = 20
"""Rows from which on it can be seen that each has a number of its own."""


def code_in(name: str, texts: Texts, rows: int) -> str | None:
    """Why a column's digits are no amount, if they are none.

    :param name: of the column.
    :param rows: of the file.
    """
    plain = texts.are_plain
    if not plain and texts.mostly({each for each in texts.counts if PHONE.fullmatch(each.strip())}):
        return "telephone numbers"
    whole = {text for text in texts.counts if _WHOLE.fullmatch(text)}
    if not texts.mostly(whole):
        return None
    led = next((text for text in texts.counts if _LEADING_ZERO.fullmatch(text)), None)
    if led is not None:
        return f"codes, for {led.strip()[:20]!r} begins with 0"
    if _PHONE_NAMES.search(name) and all(len(text.strip()) > 5 for text in texts.counts):
        return "telephone numbers, by its name"
    if _POSTAL_NAMES.search(name):
        return "codes, by its name"
    if _ROW_NAMES.fullmatch(name) and len(texts.counts) == rows >= _FEWEST:
        return "numbers the rows"
    return None
