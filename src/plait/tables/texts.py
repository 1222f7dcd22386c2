"""The texts of a column, each counted: what guesses on how they are written go by."""

from collections import Counter
from collections.abc import Container, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from plait.data.column_types import MEANT_SHARE
from plait.data.notation import PLAIN_NUMBER, numbers_in
from plait.data.written_dates import dates_in

if TYPE_CHECKING:
    import pandas as pd


class Texts:
    """Distinct values as texts, in the order of their first rows.

    :param counts: rows by text, without missing values.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = counts
        self.rows = sum(counts.values())

    @classmethod
    def of(cls, values: "pd.Series") -> "Texts":
        """The texts of a column as `plait.data.reading.read` returns it."""
        if values.dtype == "str":
            # Missing ones are NaN among texts.
            held = values.to_numpy(dtype=object).tolist()
            return cls(Counter(text for text in held if isinstance(text, str)))
        return cls(Counter(map(str, values.dropna().tolist())))

    def without(self, words: Container[str]) -> "Texts":
        """The others."""
        return Texts({text: rows for text, rows in self.counts.items() if text not in words})

    def share(self, chosen: Container[str]) -> float:
        """Of the rows, those with a text that is chosen; 0 where there are none."""
        within = sum(rows for text, rows in self.counts.items() if text in chosen)
        return within / self.rows if self.rows else 0.0

    def mostly(self, chosen: Container[str]) -> bool:
        """Whether a column is meant to hold nothing else."""
        return self.rows > 0 and self.share(chosen) >= MEANT_SHARE

    @cached_property
    def are_plain(self) -> bool:
        """Whether all are numbers of few digits, as programs write them."""
        return all(map(PLAIN_NUMBER.fullmatch, self.counts))

    @cached_property
    def by_point(self) -> dict[str, str]:
        """The numbers, as Python writes them, with points before decimals."""
        if self.are_plain:
            return {text: text for text in self.counts}
        return numbers_in(self.counts, ".")[0]

    @cached_property
    def by_comma(self) -> dict[str, str]:
        """The same with commas."""
        return numbers_in(self.counts, ",")[0]

    def numbers(self, decimal: str) -> dict[str, str]:
        """The numbers by a decimal sign."""
        if decimal == ".":
            return self.by_point
        return self.by_comma if decimal == "," else numbers_in(self.counts, decimal)[0]

    def dates(self, date_format: str | None) -> set[str]:
        """Those that are dates by a format; None: by ISO 8601."""
        import pandas as pd

        if not any(text[:1].isdecimal() or date_format for text in self.counts):
            return set()
        texts = pd.Series([*self.counts], dtype="str")
        return set(texts[dates_in(texts, date_format).notna()])
