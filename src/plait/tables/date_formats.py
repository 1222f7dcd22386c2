"""Dates as people write them, known by the formats that fit all of a column."""

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import islice

from plait.tables.texts import Texts

_DAYS = (
    *("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%Y"),
    *("%m-%d-%Y", "%d-%m-%y", "%m-%d-%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d. %B %Y", "%Y-%d-%m"),
)

_HOURS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")

_LIKE = re.compile(
    r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b.*|\d{4}-\d{1,2}-\d{1,2}.*"
    r"|\d{1,2}[. -]+[A-Za-z]{3,9}[ -]\d{2,4}.*|[A-Z][a-z]{2,8} \d{1,2},? \d{4}.*"
)
"""What a value must look like for formats to be tried."""

_TRIED = 50
"""Values by which formats are chosen that all others then must have."""


def formats_of(texts: Texts) -> list[str]:
    """The formats, in ``strptime``'s notation, by which a column is dates; two where the order of
    day and month cannot be known.
    """
    likely = [text for text in islice(texts.counts, _TRIED) if _LIKE.fullmatch(text.strip())]
    if 2 * len(likely) < min(len(texts.counts), _TRIED) or not likely:
        return []
    tried = [f"{day}{hour}" for day in _DAYS for hour in _HOURS]
    fitting = [each for each in tried if all(_fits(text, each) for text in likely)]
    found = [each for each in fitting if texts.mostly(texts.dates(each))]
    # Of 31.12.24, only one of %y and %Y fits; of May, %b and %B do, and mean the same.
    return [each for each in found if "%B" not in each or each.replace("%B", "%b") not in found]


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text.strip(), form)
    except ValueError:
        return False
    return True


def common_format(columns: Mapping[str, Texts]) -> tuple[str | None, dict[str, list[str]]]:
    """The one format by which all such columns are dates, if there is one.

    :returns: it, and by column those that fit.
    """
    fitting = {name: found for name, texts in columns.items() if (found := formats_of(texts))}
    if not fitting:
        return None, {}
    shared = set.intersection(*map(set, fitting.values()))
    return (shared.pop() if len(shared) == 1 else None), fitting
