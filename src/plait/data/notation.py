"""Numbers as people write them: ``1,200``, ``12.5 %``, ``$10``, ``(3.00)``, ``−4``.

A text means a number only where it can mean no other one: groups of thousands are whole and of one
sign, the sign before decimals is the one that is stated, and a column has one unit.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,300})?")
"""Of texts that are numbers at first sight, and that float64 takes as they are or nearly so."""

EXACT = 2**53
"""From here on float64 has no place for every whole number."""

CURRENCIES = "$€£¥₹₩₽₺₴₪฿₫"

_MINUS = r"\-\u2212\u2013"
"""Within a set of a pattern: the hyphen, the minus sign and the dash that is typed for it."""

_GAPS = "\u00a0\u202f\u2009'\u2019"
"""Signs beside point and comma that group thousands: spaces that break no line, apostrophes."""

_CODES = (
    *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "INR"),
    *("JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "RUB", "SEK", "SGD", "THB", "TRY", "TWD", "USD"),
    "ZAR",
)

_UNIT = rf"[{CURRENCIES}%]|{'|'.join(_CODES)}"


@dataclass(frozen=True)
class Written:
    """What a text says."""

    digits: str
    """The number as Python reads it, no digit more or less."""
    unit: str
    """A percent sign, a currency, or nothing."""
    gap: str
    """What groups its thousands, if anything does."""
    certain: bool
    """Whether its groups can't be decimals: there are several, or decimals beside them."""


@lru_cache
def _pattern(decimal: str) -> re.Pattern[str]:
    groups = "".join(each for each in f".,{_GAPS}" if each != decimal)
    point = re.escape(decimal)
    body = (
        rf"(?P<whole>[1-9]\d{{,2}}(?:(?P<gap>[{re.escape(groups)}])\d{{3}}(?:(?P=gap)\d{{3}})*)|\d*)"
        rf"(?:{point}(?P<part>\d*))?(?P<power>[eE][+-]?\d+)?"
    )
    sign = rf"(?P<sign>[+{_MINUS}]?)"
    return re.compile(
        rf"(?P<open>\()?\s*{sign}\s*(?P<before>{_UNIT})?\s*(?P<sign2>[+{_MINUS}]?)"
        rf"{body}\s*(?P<after>{_UNIT})?\s*(?(open)\))"
    )


def written(text: str, decimal: str) -> Written | None:
    """The number that a text says; None where it says none, or could say another.

    :param decimal: the sign before decimals.
    """
    found = _pattern(decimal).fullmatch(text.strip())
    if found is None or not (found["whole"] or found["part"]):
        return None
    signs = [each for each in (found["sign"], found["sign2"], found["open"]) if each]
    units = [each for each in (found["before"], found["after"]) if each]
    if len(signs) > 1 or len(units) > 1:
        return None
    gap = found["gap"] or ""
    whole = found["whole"].replace(gap, "") if gap else found["whole"]
    part = "" if found["part"] is None else f".{found['part']}"
    minus = "-" if signs and signs[0] != "+" else ""
    certain = bool(gap) and (found["part"] is not None or found["whole"].count(gap) > 1)
    unit = units[0] if units else ""
    return Written(f"{minus}{whole}{part}{found['power'] or ''}", unit, gap, certain)


def numbers_in(texts: Iterable[str], decimal: str) -> tuple[dict[str, str], str | None]:
    """The numbers of a column, of those of its texts that say one.

    A lone ``1.200`` beside decimal commas may be a thousand and more, or a little over one: it is
    no number unless another of the column shows that points group thousands.

    :param texts: distinct ones.
    :returns: the number of each as Python reads it, and in words what units the column mixes.
    """
    read = {text: found for text in texts if (found := written(text, decimal)) is not None}
    grouped = {each.gap for each in read.values() if each.certain}
    kept = {
        text: each
        for text, each in read.items()
        if each.gap != "." or each.certain or "." in grouped
    }
    units = {each.unit for each in kept.values()}
    named = sorted(units - {""})
    mixed = None
    if len(named) > 1:
        mixed = f"{named[0]} and {named[1]}"
    elif named == ["%"] and "" in units:
        # They would mean hundredfold; an amount without its currency means the same.
        mixed = "numbers with % and without"
    return {text: each.digits for text, each in kept.items()}, mixed
