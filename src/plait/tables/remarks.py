"""What speaks against using a column, or is to be known of how it was read."""

import re
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from plait.data.column_types import ColumnType
from plait.data.notation import written
from plait.tables.codes import PHONE
from plait.tables.decimal_sign import is_doubtful
from plait.tables.missing_marks import number_for_missing
from plait.tables.texts import Texts

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

WORDS = 4
"""Words of a value, in the middle of its column, from which on it is free text."""

SAMPLE = 1000
"""Values of a column that are searched for personal data."""

PERSONAL = {
    "e-mail addresses": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "telephone numbers": PHONE,
}
"""By what they are, the form of values that name a person."""

PERSONAL_NAMES = re.compile(
    r"(?i)(^|[\W_])((sur|first|last|full|family|given)?[\W_]?names?|e[\W_]?mail|phone|telephone"
    r"|mobile|address|street|birth\w*|dob|ssn|passport)($|[\W_])"
)
"""Of columns that commonly name a person."""

EQUAL = 0.999999
"""Correlation from which on a column is the target by another name."""

HALF = 0.5
"""Share of numbers or dates from which on a column of words is told to have them."""

_SHOWN = 24
"""Characters of a value."""

_ORDINARY = re.compile(r"[+-]?\d*[.,]?\d*(e[+-]\d+)?")
"""A number as programs write it, by either decimal sign."""

_EXAMPLES = 2
"""Readings that are shown of a column."""


def personal(texts: Texts, name: str, is_text: bool) -> list[str]:
    """Whether a column names persons."""
    some = [] if texts.are_plain else [*texts.counts][:SAMPLE]
    for what, form in PERSONAL.items():
        if some and sum(form.fullmatch(text) is not None for text in some) > len(some) / 2:
            return [f"personal data: {what}"]
    if is_text and PERSONAL_NAMES.search(name):
        return ["perhaps personal data, by its name"]
    return []


def free_text(texts: Texts) -> list[str]:
    """Whether values are sentences."""
    words = [len(text.split()) for text in [*texts.counts][:SAMPLE]]
    return ["free text"] if words and median(words) >= WORDS else []


def readings(texts: Texts, decimal: str) -> list[str]:
    """How numbers that are not written plainly are read, a value of each notation."""
    if texts.are_plain:
        return []
    told: dict[tuple[str, ...], str] = {}
    for text in texts.counts:
        plain = text.strip()
        if _ORDINARY.fullmatch(plain) or (said := written(plain, decimal)) is None:
            continue
        kind = (said.gap, said.unit, plain[:1] if plain[:1] in "(+" else "", "E" * ("E" in plain))
        told.setdefault(kind, f"{plain[:_SHOWN]!r} is read as {said.digits}")
    found = [*told.values()][:_EXAMPLES]
    if is_doubtful(texts):
        text = next(text for text in texts.counts if "," in text)
        said = written(text, decimal)
        reading = f"{text[:_SHOWN]!r} is read as {said.digits}" if said else ""
        other = "," if decimal == "." else "."
        found = [f"{reading}; is the decimal sign {other!r}? (--decimal)"] if said else found
    elif decimal == "." and (money := _thousands(texts)):
        found = [f"{money[:_SHOWN]!r} is read with a decimal point; do points group thousands?"]
    return found


def _thousands(texts: Texts) -> str | None:
    """An amount of money with three decimals, where all have so many: are they thousands?"""
    group = re.compile(r"\D*[1-9]\d{0,2}\.\d{3}\D*")
    if not all(group.fullmatch(text) for text in texts.counts):
        return None
    said = {text: written(text, ".") for text in texts.counts}
    return next((text for text, each in said.items() if each and each.unit not in ("", "%")), None)


def numbers_among(texts: Texts, decimal: str) -> list[str]:
    """That a good part of a column of words is numbers, and a word that is none."""
    numbers = texts.numbers(decimal)
    share = texts.share(numbers)
    other = next((text for text in texts.counts if text not in numbers), None)
    if share < HALF or other is None:
        return []
    return [f"{share:.0%} of the values are numbers; {other[:_SHOWN]!r} is none"]


def stands_for_missing(numbers: "np.ndarray") -> list[str]:
    """Whether one number below zero stands where nothing is known.

    :param numbers: (rows,), without missing ones.
    """
    if not len(numbers) or numbers.min() >= 0:
        return []
    found = number_for_missing(set(numbers[numbers < 0].tolist()))
    if found is None:
        return []
    times = int((numbers == found).sum())
    return [f"{found:.0f} stands {times} times: for a missing value? (--na)"]


def tells_target(values: "pd.Series", kind: ColumnType, target: "pd.Series") -> list[str]:
    """Whether a column is the target by another name, which training would show and use not."""
    both = values.notna().to_numpy() & target.notna().to_numpy()
    seen: Sequence[object] = values.to_numpy()[both].tolist()
    asked: Sequence[object] = target.to_numpy()[both].tolist()
    distinct = len(set(seen))
    if len(seen) < 10 or len(set(asked)) < 2 or distinct < 2:
        return []
    if kind == "number" and target.dtype.kind == "f":
        told = _correlate(values.to_numpy()[both], target.to_numpy()[both])
    elif distinct > len(seen) / 2:
        return []
    else:
        told = len(set(zip(seen, asked, strict=True))) == distinct
    return ["tells the target in every row: a leak?"] if told else []


def _correlate(values: "np.ndarray", target: "np.ndarray") -> bool:
    import numpy as np

    pair = np.stack([values, target]).astype("float64")
    # So that no square of them overflows.
    pair /= np.abs(pair).max(axis=1, keepdims=True)
    pair -= pair.mean(axis=1, keepdims=True)
    length = np.sqrt((pair**2).sum(axis=1))
    return bool(length.all() and abs((pair[0] * pair[1]).sum()) > EQUAL * length[0] * length[1])
