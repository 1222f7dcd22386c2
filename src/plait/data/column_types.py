"""Make a raw column a number, a category or a date, or name the value that is none."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from plait.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

ColumnType = Literal["number", "category", "date"]

MEANT_SHARE = 0.9
"""A text column of which so much is numbers (or dates) is meant to be; the rest are faults."""


@dataclass(frozen=True)
class Reader:
    """How texts become values.

    :param path: named in errors.
    :param decimal: before a number's decimals.
    :param date_format: as of ``strptime``; None for ISO 8601.
    """

    path: str
    decimal: str
    date_format: str | None

    def convert(
        self, values: "pd.Series", wanted: ColumnType | None
    ) -> "tuple[pd.Series, ColumnType]":
        """The column as its type.

        :param values: (rows,) as `plait.data.reading.read` returns them.
        :param wanted: the type to be; None: dates and numbers stay, and texts are numbers or
            dates if nine in ten are.
        :returns: float64, datetime64[us] or str; missing values stay missing.
        :raises UserError: naming column, row and value of the first that cannot be converted, or
            is infinite.
        """
        if values.notna().sum() == 0:
            raise UserError(f"{self.path}: column {values.name!r} has no values; drop it")
        if values.dtype != "str":
            return self._convert_typed(values, wanted)
        if wanted == "category":
            return values, "category"
        if wanted in (None, "number"):
            numbers = self._numbers(values)
            if wanted or self._meant(values, numbers):
                self._refuse_text(values, numbers, "a number", wanted)
                self._refuse_infinite(values, numbers)
                return numbers, "number"
        dates = self._dates(values)
        if wanted or self._meant(values, dates):
            form = f"a date like {self.date_format}" if self.date_format else "an ISO 8601 date"
            self._refuse_text(values, dates, form, wanted)
            return dates, "date"
        return values, "category"

    def _convert_typed(
        self, values: "pd.Series", wanted: ColumnType | None
    ) -> "tuple[pd.Series, ColumnType]":
        own: ColumnType = "number" if values.dtype == "float64" else "date"
        if own == "number":
            self._refuse_infinite(values, values)
        if wanted in (None, own):
            return values, own
        if wanted == "category":
            return labels(values), "category"
        raise UserError(
            f"{self.path}: column {values.name!r} holds {own}s and cannot be a {wanted}"
        )

    def _numbers(self, values: "pd.Series") -> "pd.Series":
        import numpy as np
        import pandas as pd

        texts = values
        if self.decimal != ".":
            # A point among decimal commas could group thousands: not guessed.
            texts = values.where(~values.str.contains(".", regex=False, na=False), "")
            texts = texts.str.replace(self.decimal, ".", regex=False)
        # Python's float rounds correctly; pandas' parser is used to find what is a number.
        numeric = pd.to_numeric(texts, errors="coerce").notna().to_numpy()
        numbers = np.full(len(values), np.nan)
        numbers[numeric] = [float(text) for text in texts[numeric]]
        return pd.Series(numbers, index=values.index, name=values.name)

    def _dates(self, values: "pd.Series") -> "pd.Series":
        import pandas as pd

        form = self.date_format or "ISO8601"
        dates = pd.to_datetime(values, format=form, errors="coerce", utc=True)
        return dates.dt.tz_localize(None).astype("datetime64[us]")

    def _meant(self, values: "pd.Series", converted: "pd.Series") -> bool:
        return bool(converted.notna().sum() >= MEANT_SHARE * values.notna().sum())

    def _refuse_text(
        self, values: "pd.Series", converted: "pd.Series", kind: str, wanted: ColumnType | None
    ) -> None:
        bad = values[converted.isna() & values.notna()]
        if len(bad):
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            other = "" if wanted else f", or set data.types.{values.name} to category"
            raise UserError(
                f"{self.path}: column {values.name!r}, row {bad.index[0]}: {bad.iloc[0]!r} is not"
                f" {kind}{more}; mend it, or add it to data.format.missing{other}"
            )

    def _refuse_infinite(self, values: "pd.Series", numbers: "pd.Series") -> None:
        import numpy as np

        bad = values[np.isinf(numbers)]
        if len(bad):
            raise UserError(
                f"{self.path}: column {values.name!r}, row {bad.index[0]}: {bad.iloc[0]} is"
                " infinite; mend it or make it a missing value"
            )


def labels(values: "pd.Series") -> "pd.Series":
    """Typed values as the texts of categories: 1.0 as ``1``, a date as ISO 8601."""
    import pandas as pd

    texts = [None if pd.isna(value) else _label(value) for value in values]
    return pd.Series(texts, index=values.index, name=values.name, dtype="str")


def _label(value: "float | pd.Timestamp") -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return value.isoformat()


def in_order(texts: "pd.Series") -> list[str]:
    """The distinct labels: by number if all are numbers, else by letter."""
    distinct = sorted(texts.dropna().unique())
    try:
        return sorted(distinct, key=float)
    except ValueError:
        return distinct
