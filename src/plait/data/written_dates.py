"""Dates that are written as texts: by a format that is stated, or by ISO 8601; never guessed."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_YEAR_FIRST = r"(?!\d+\.\d*$)\d{4}.*"
"""Of ISO 8601. pandas takes ``.5``, ``2024.5`` and, by the clock, ``today`` for it as well."""

DIGITS = {"d": 2, "m": 2, "y": 2, "Y": 4, "H": 2, "I": 2, "M": 2, "S": 2, "j": 3, "U": 2, "W": 2}
"""How many digits a directive of ``strptime`` stands for, when written in full."""


def dates_in(texts: "pd.Series", date_format: str | None) -> "pd.Series":
    """Instants of UTC, (rows,); what is no date is missing.

    :param texts: ``str``, (rows,).
    :param date_format: as of ``strptime``; None for ISO 8601.
    :raises ValueError: for a format that is none.
    """
    import pandas as pd

    dates = pd.to_datetime(texts, format=date_format or "ISO8601", errors="coerce", utc=True)
    if date_format is None:
        return dates.where(texts.str.fullmatch(_YEAR_FIRST))
    # By the clock pandas takes ``now`` for one, whatever the format.
    return dates.where(texts.str.count(r"\d") >= max(1, _digits_needed(date_format)))


def _digits_needed(form: str) -> int:
    """By texts of a date format: all where numbers adjoin, for 1112024 has two readings."""
    directives = form.replace("%%", "")
    numeric = "".join(DIGITS)
    if not re.search(f"%[{numeric}]%[{numeric}]", directives):
        return 0
    return sum(DIGITS.get(directive, 0) for directive in re.findall("%(.)", directives))
