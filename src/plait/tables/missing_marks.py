"""Words that people and programs write where nothing is known."""

from collections.abc import Callable, Iterable, Mapping

from plait.tables.texts import Texts

MARKS = frozenset(
    (
        *("na", "n/a", "n.a.", "n.a", "#n/a", "#n/a n/a", "#na", "<na>", "nan", "-nan", "1.#qnan"),
        *("none", "null", "nil", "(null)", "\\n", "missing", "(missing)", "unknown", "undefined"),
        *("not available", "not applicable", "no data", "blank", "(blank)", "void"),
        *("k.a.", "k. a.", "keine angabe", "unbekannt", "nd", "n.d.", "sin dato", "s/d"),
        *("?", "??", "-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "*", "x", "xx"),
        *("#value!", "#div/0!", "#ref!", "#num!", "#name?", "#null!"),
    )
)
"""In small letters. The last are Excel's errors."""

BELOW = (-9.0, -99.0, -999.0, -9999.0, -99999.0)
"""Numbers that stand for a missing one where all others are positive."""


def marks_of(texts: Texts) -> list[str]:
    """The texts of a column that commonly stand for a missing value."""
    return [text for text in texts.counts if text.strip().casefold() in MARKS]


def marks_in(
    columns: Mapping[str, Texts], is_typed: Callable[[Texts], bool]
) -> dict[str, list[str]]:
    """By mark, the columns where all but such marks is numbers or dates.

    :param is_typed: whether the texts of a column are meant to be numbers or dates.
    """
    found: dict[str, list[str]] = {}
    for name, texts in columns.items():
        marks = marks_of(texts)
        if marks and is_typed(texts.without(set(marks))):
            for mark in marks:
                found.setdefault(mark, []).append(name)
    return found


def number_for_missing(numbers: Iterable[float]) -> float | None:
    """The number that may stand for a missing one: below zero, as no other of its column is."""
    below = {number for number in numbers if number < 0}
    return next(iter(below)) if len(below) == 1 and below <= {*BELOW} else None
