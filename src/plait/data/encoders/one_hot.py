"""A category with few values: an input each."""

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from plait.data.encoders.base import ColumnEncoder, Row, row_of, with_missing
from plait.errors import UserError
from plait.tasks.single import some

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class OneHot(ColumnEncoder):
    """An input a category, one for all rare ones, and perhaps one for a missing value.

    A category that training has not seen counts as a rare one, if there were any, and else sets no
    input at all.
    """

    kind: ClassVar = "one_hot"

    categories: list[str]
    """Those with an input of their own, in order."""
    rare: list[str]
    """Those that share one."""
    missing_input: bool
    """Whether training missed some."""
    strict: bool
    """Whether a category that training has not seen is refused."""

    @classmethod
    def fit(cls, values: "pd.Series", *, rare_below: int, strict: bool) -> "OneHot":
        """Fit on the training part.

        :param rare_below: rows below which categories share an input, if there are several.
        """
        common, rare = divided(values, rare_below)
        missing = bool(values.isna().any())
        return cls(str(values.name), common, rare, missing, strict)

    @property
    def inputs(self) -> list[str]:
        """``city=Bonn``, …, ``city is rare``, ``city is missing``."""
        names = [f"{self.name}={category}" for category in self.categories]
        names += [f"{self.name} is rare"] if self.rare else []
        return [*names, f"{self.name} is missing"] if self.missing_input else names

    @property
    def treatment(self) -> str:
        """How many inputs."""
        rare = f", {len(self.rare)} rare ones share one" if self.rare else ""
        return f"an input for each of {len(self.categories)} categories{rare}"

    def transform(self, values: "pd.Series") -> "np.ndarray":
        """The inputs, see `ColumnEncoder.transform`."""
        import numpy as np

        numbers, missing = self._numbers(values)
        if self.strict:
            refuse_unseen(values, numbers < 0, [*self.categories, *self.rare])
        known = len(self.categories)
        if self.rare:
            numbers = np.where((numbers < 0) | (numbers > known), known, numbers)
            numbers[missing] = -1
        wide = known + bool(self.rare)
        one_hot = np.equal(numbers[:, None], np.arange(wide)).astype(np.float64)
        return with_missing(one_hot, missing, self.missing_input)

    def of_value(self, value: object) -> Row | None:
        """The inputs of one value, see `ColumnEncoder.of_value`."""
        return self._table.row(value)

    @cached_property
    def _table(self) -> "RowsByCategory":
        return RowsByCategory.of(self, [*self.categories, *self.rare])

    def unseen(self, values: "pd.Series") -> int:
        """Rows of a category that training has not seen."""
        numbers, missing = self._numbers(values)
        return int(((numbers < 0) & ~missing).sum())

    def _numbers(self, values: "pd.Series") -> "tuple[np.ndarray, np.ndarray]":
        """The number of each category among the common and then the rare ones, -1 of others."""
        return numbers_of([*self.categories, *self.rare], values)


@dataclass(frozen=True)
class RowsByCategory:
    """The inputs of each category."""

    rows: dict[str, Row]
    missing: Row | None
    """Of a missing value; None: it is refused."""
    other: Row | None
    """Of a category that training has not seen."""

    @classmethod
    def of(cls, encoder: ColumnEncoder, categories: list[str]) -> "RowsByCategory":
        """What an encoder gives for each."""
        import pandas as pd

        column = pd.Series(categories, name=encoder.name, dtype=object)
        rows = map(tuple, encoder.transform(column).tolist())
        unseen = max(categories, key=len, default="") + "?"
        return cls(
            dict(zip(categories, rows, strict=True)),
            row_of(encoder, None),
            row_of(encoder, unseen),
        )

    def row(self, value: object) -> Row | None:
        """Those of a value, see `ColumnEncoder.of_value`."""
        if isinstance(value, str) and value in self.rows:
            return self.rows[value]
        if value is None or (type(value) is float and value != value):
            return self.missing
        if type(value) in (str, bool, int, float):
            return self.rows.get(_label(value, self.rows), self.other)
        return None


def divided(values: "pd.Series", rare_below: int) -> tuple[list[str], list[str]]:
    """The common categories and the rare ones, of which there are none or several."""
    counts = Counter(str(value) for value in values.dropna())
    rare = sorted(name for name, count in counts.items() if count < rare_below)
    if len(rare) < 2 or len(rare) == len(counts):
        rare = []
    return sorted(counts.keys() - set(rare)), rare


def numbers_of(categories: list[str], values: "pd.Series") -> "tuple[np.ndarray, np.ndarray]":
    """Where each value stands among the categories, -1 of others; and which are missing."""
    import pandas as pd

    missing = values.isna().to_numpy()
    known = dict.fromkeys(categories)
    texts = [None if pd.isna(value) else _label(value, known) for value in values]
    index = pd.Index(categories, dtype=object)
    return index.get_indexer(pd.Index(texts, dtype=object)), missing


def _label(value: object, known: Container[str]) -> str:
    """A value as the text of a category.

    Files write a truth value in small letters, and a whole number without decimals, which pandas
    turns into a float beside a missing one.
    """
    text = str(value)
    if text in known:
        return text
    if text in ("True", "False") and text.lower() in known:
        return text.lower()
    whole = text.removesuffix(".0")
    return whole if isinstance(value, float) and whole in known else text


def refuse_unseen(values: "pd.Series", unseen: "np.ndarray", known: list[str]) -> None:
    """Raise, naming the first category that training has not seen.

    :param unseen: bool, (rows,); those that are missing do not matter.
    :raises UserError: if there is one.
    """
    unseen = unseen & values.notna().to_numpy()
    if unseen.any():
        row = int(unseen.argmax())
        raise UserError(
            f"column {values.name!r}, row {values.index[row]}: training has not seen the category"
            f" {values.iloc[row]!r}; it knows {some(known)}"
        )
