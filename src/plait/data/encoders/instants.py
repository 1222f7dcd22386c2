"""One date as Python has it: a value at a time, where `plait.data.encoders.dates` has columns."""

import re
from datetime import date, datetime
from functools import lru_cache

from plait.data.written_dates import DIGITS

_FIELDS = ("Y", "m", "d", "H", "M", "S", "f")
"""As ``strptime`` calls the parts of an instant; all but the last may stand in a format of one's
own, for they have one reading when they are written in full.
"""

_ISO = re.compile(
    "(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    r"(?:[ T](?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]{1,6}))?)?)?"
)


def instant_of(value: object, date_format: str | None) -> datetime | None:
    """The instant of UTC that a value names, to the microsecond.

    :param value: a date, or a text by the format, in strptime's notation; None: ISO 8601.
    :returns: None where another reading than the plain one may be meant, or none.
    """
    import pandas as pd

    if isinstance(value, str):
        return _instant_in(value, date_format)
    if value is pd.NaT or not isinstance(value, date):
        return None
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    # pandas has finer ones, and years that Python has not.
    finer = value.nanosecond if isinstance(value, pd.Timestamp) else 0
    if value.tzinfo is not None or finer or value.year > 9999:
        return None
    day, clock = (value.year, value.month, value.day), (value.hour, value.minute, value.second)
    return datetime(*day, *clock, value.microsecond)


def _instant_in(text: str, date_format: str | None) -> datetime | None:
    pattern = _ISO if date_format is None else _pattern(date_format)
    found = None if pattern is None else pattern.fullmatch(text)
    if found is None:
        return None
    there = found.groupdict()
    there["f"] = (there.get("f") or "").ljust(6, "0")
    year, month, day, hour, minute, second, micro = (int(there.get(key) or 0) for key in _FIELDS)
    try:
        return datetime(year, month, day, hour, minute, second, micro)
    except ValueError:
        return None


@lru_cache
def _pattern(date_format: str) -> re.Pattern[str] | None:
    """What matches the texts of a format that can be read in one way; None: it has another part."""
    directives = re.findall("%(.)", date_format.replace("%%", ""))
    whole = {"Y", "m", "d"} <= set(directives) and len(directives) == len(set(directives))
    if not whole or "%%" in date_format or not set(directives) <= set(_FIELDS[:-1]):
        return None
    pieces = re.split("%(.)", date_format)
    return re.compile(
        "".join(
            f"(?P<{piece}>[0-9]{{{DIGITS[piece]}}})" if place % 2 else re.escape(piece)
            for place, piece in enumerate(pieces)
        )
    )
