"""A look as a page: a card a column, without network or script."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.evaluation.report import page
from plait.tables.association import Association, association
from plait.tables.look import Look, Seen
from plait.terminal import in_a_line

if TYPE_CHECKING:
    import pandas as pd

BINS = 16
"""Bars of a histogram."""

TOP = 6
"""Values of a category that are shown."""

SHOWN = 40
"""Characters of a value."""


@dataclass(frozen=True)
class Bar:
    """A bar, and what it stands for."""

    label: str
    rows: int
    share: float
    """Of the longest one."""


@dataclass(frozen=True)
class Card:
    """A column."""

    seen: Seen
    name: str
    example: str
    histogram: tuple[Bar, ...]
    """Of numbers and dates, in their order."""
    top: tuple[Bar, ...]
    """Of categories, the commonest first."""
    association: Association | None
    """With the target."""

    @property
    def told(self) -> list[str]:
        """What is wrong with its values, and what there is to know of them."""
        fault = [self.seen.fault] if self.seen.fault is not None else []
        return [in_a_line(each) for each in (*fault, *self.seen.remarks)]


def page_of(look: Look, target: str | None) -> str:
    """The page, HTML. Values of columns that may name persons are not shown.

    :param target: the column to predict, where it is known.
    """
    asked = look.values.get(target) if target is not None else None
    cards = [_card(each, look, None if each.name == target else asked) for each in look.columns]
    return page(
        "table.html.j2",
        path=in_a_line(look.path),
        rows=look.rows,
        cards=cards,
        target=target,
        remarked=[card for card in cards if card.told],
    )


def _card(seen: Seen, look: Look, target: "pd.Series | None") -> Card:
    values = look.values.get(seen.name)
    shown = not seen.personal
    histogram: tuple[Bar, ...] = ()
    top: tuple[Bar, ...] = ()
    if shown and values is not None and seen.type in ("number", "date"):
        histogram = _histogram(values.dropna())
    elif shown and not seen.left_out:
        top = _top(seen)
    return Card(
        seen,
        in_a_line(seen.name),
        _cut(seen.example) if shown else "not shown",
        histogram,
        top,
        # Values that are all different go with anything.
        None if values is None or target is None or seen.left_out else association(values, target),
    )


def _histogram(values: "pd.Series") -> tuple[Bar, ...]:
    import numpy as np

    if values.nunique() < 2:
        return ()
    numbers = values.to_numpy().astype("int64" if values.dtype.kind == "M" else "float64")
    # So that the range of very large numbers does not overflow.
    scale = float(np.abs(numbers).max())
    counts, edges = np.histogram(numbers / scale, BINS)
    ends = edges * scale
    if values.dtype.kind == "M":
        labels = [str(each)[:10] for each in ends.astype("int64").astype("datetime64[us]")]
    else:
        labels = [f"{each:.4g}" for each in ends]
    return tuple(
        Bar(f"{labels[place]} to {labels[place + 1]}", int(count), float(count / counts.max()))
        for place, count in enumerate(counts)
    )


def _top(seen: Seen) -> tuple[Bar, ...]:
    common = sorted(seen.texts.counts.items(), key=lambda pair: -pair[1])[:TOP]
    return tuple(Bar(_cut(text), rows, rows / common[0][1]) for text, rows in common)


def _cut(text: str) -> str:
    text = in_a_line(" ".join(text.split()))
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
