"""Make a raw column a number, a category or a date, or name the value that is none."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from plait.data.notation import EXACT, PLAIN_NUMBER, numbers_in
from plait.data.written_dates import dates_in
from plait.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ColumnType = Literal["number", "category", "date"]

MEANT_SHARE = 0.9
"""A text column of which so much is numbers (or dates) is meant to be; the rest are faults."""

_UNITS: tuple[Literal["D", "s", "us"], ...] = ("D", "s", "us")
"""In which a column of dates is written: days, if that suffices."""

_SHOWN = 60
"""Characters of a value in an error."""


@dataclass(frozen=True)
class Reader:
    """How values become numbers, categories and dates.

    :param path: named in errors.
    :param decimal: before a number's decimals, in texts.
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
        :param wanted: the type to be; None: dates are what nine in ten values are by the date
            format, if one is stated; else numbers stay, and texts are numbers or ISO dates if nine
            in ten are.
        :returns: float64, datetime64[us] or str; missing values stay missing.
        :raises UserError: naming column, row and value of the first that is no such number or
            date, is infinite, or would be another number as float64.
        """
        if values.isna().all():
            raise UserError(f"{self.path}: column {values.name!r} has no values; drop it")
        if wanted == "category":
            return labels(values), "category"
        if values.dtype.kind == "M":
            if wanted == "number":
                raise UserError(
                    f"{self.path}: column {values.name!r} holds dates and cannot be a number"
                )
            return values, "date"
        if self.date_format is not None and wanted != "number":
            written = _as_written(values)
            dates = self._dates(written)
            if wanted == "date" or _meant(written, dates):
                self._refuse_text(written, dates, f"a date like {self.date_format}", wanted)
                return dates, "date"
        if wanted == "date" and values.dtype != "str":
            raise UserError(
                f"{self.path}: column {values.name!r} holds numbers and cannot be a date"
            )
        if wanted != "date":
            plain = self._plain_numbers(values)
            if plain is not None:
                return plain, "number"
            numbers = self._numbers(values)
            if wanted == "number" or _meant(values, numbers):
                self._refuse_text(values, numbers, "a number", wanted)
                self._refuse_infinite(values, numbers)
                self._refuse_inexact(values, numbers)
                return numbers, "number"
        dates = self._dates(values)
        if wanted == "date" or _meant(values, dates):
            self._refuse_text(values, dates, "an ISO 8601 date", wanted)
            return dates, "date"
        self._refuse_other_decimals(values)
        return values, "category"

    def refuse_idle_format(self, columns: "Iterable[tuple[pd.Series, ColumnType]]") -> None:
        """Refuse a date format by which nothing was read.

        :param columns: as they came, with the types that they got.
        """
        if self.date_format is not None and not any(
            kind == "date" and values.dtype.kind != "M" for values, kind in columns
        ):
            raise UserError(
                f"data.date_format: {self.date_format} fits no column of {self.path} that is read"
                " as dates; correct it, or set it to null"
            )

    def _plain_numbers(self, values: "pd.Series") -> "pd.Series | None":
        """The numbers of texts that are all written plainly, as of most columns; else None."""
        import pandas as pd

        if values.dtype != "str" or self.decimal != ".":
            return None
        held = values.to_numpy(dtype=object).tolist()
        # Missing ones are NaN among the texts.
        if not all(isinstance(text, float) or PLAIN_NUMBER.fullmatch(text) for text in held):
            return None
        return pd.Series(map(float, held), values.index, "float64", values.name)

    def _numbers(self, values: "pd.Series") -> "pd.Series":
        import numpy as np
        import pandas as pd

        if values.dtype.kind in "iuf":
            return values.astype("float64")
        texts, numeric = values, values.notna().to_numpy()
        if values.dtype == "str":
            texts, numeric = self._plain(values)
        # Python's float rounds correctly; pandas' parser is used to find what is a number.
        numbers = np.full(len(values), np.nan)
        numbers[numeric] = [float(str(text)) for text in texts[numeric]]
        return pd.Series(numbers, index=values.index, name=values.name)

    def _plain(self, texts: "pd.Series") -> "tuple[pd.Series, np.ndarray]":
        """Texts that say numbers as Python writes them, see `plait.data.notation`; and which do."""
        import pandas as pd

        numeric = pd.to_numeric(texts, errors="coerce").notna()
        if self.decimal != ".":
            numeric &= False
        if (numeric | texts.isna()).all():
            return texts, numeric.to_numpy()
        digits, mixed = numbers_in(texts.dropna().unique(), self.decimal)
        plain = texts.where(numeric, texts.map(digits)).astype("str")
        if mixed is not None and _meant(texts, plain):
            raise UserError(
                f"{self.path}: column {texts.name!r} mixes {mixed}; mend it, or set"
                f" data.types.{texts.name} to category"
            )
        return plain, pd.to_numeric(plain, errors="coerce").notna().to_numpy()

    def _dates(self, texts: "pd.Series") -> "pd.Series":
        try:
            dates = dates_in(texts, self.date_format)
        except ValueError as error:
            raise UserError(f"data.date_format: {error}") from None
        dates = dates.dt.tz_localize(None)
        rounded: pd.Series = dates.astype("datetime64[us]")
        changed = texts[dates.notna() & (rounded != dates)]
        if len(changed):
            raise UserError(
                f"{self._first(changed)} is not kept by a date in microseconds; round it, or set"
                f" data.types.{texts.name} to category"
            )
        return rounded

    def _first(self, faults: "pd.Series") -> str:
        """Column, row and value, for an error."""
        value = faults.iloc[0]
        shown = repr(value) if isinstance(value, str) else str(value)
        if len(shown) > _SHOWN:
            shown = f"{shown[:_SHOWN]}…"
        return f"{self.path}: column {faults.name!r}, row {faults.index[0]}: {shown}"

    def _refuse_text(
        self, values: "pd.Series", converted: "pd.Series", kind: str, wanted: ColumnType | None
    ) -> None:
        bad = values[converted.isna() & values.notna()]
        if len(bad):
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            other = "" if wanted else f", or set data.types.{values.name} to category"
            if kind.startswith("a date"):
                other = f", or set data.date_format or data.types.{values.name}"
            raise UserError(
                f"{self._first(bad)} is not {kind}{more}; mend it, or add it to"
                f" data.format.na_values{other}"
            )

    def _refuse_infinite(self, values: "pd.Series", numbers: "pd.Series") -> None:
        import numpy as np

        bad = values[np.isinf(numbers)]
        if len(bad):
            raise UserError(
                f"{self.path}: column {bad.name!r}, row {bad.index[0]}:"
                f" {str(bad.iloc[0])[:_SHOWN]} is infinite; mend it or make it a missing value"
            )

    def _refuse_inexact(self, values: "pd.Series", numbers: "pd.Series") -> None:
        """Of whole numbers float64 would make others, and nothing of what is smaller than any of
        its own; of other fractions it is the nearest, as ever.
        """
        large, nothing = numbers.abs() >= EXACT, numbers == 0
        if values.dtype.kind == "f" or not (large | nothing).any():
            return
        texts = self._plain(values)[0] if values.dtype == "str" else values
        exact = [_in_full(value) for value in texts[large]]
        changed = [
            number is not None and number != Decimal(rounded)
            for number, rounded in zip(exact, numbers[large], strict=True)
        ]
        if any(changed):
            raise UserError(
                f"{self._first(values[large][changed])} has more digits than a number keeps"
                f" (float64); set data.types.{values.name} to category, or drop the column"
            )
        lost = values[nothing][texts[nothing].map(lambda value: Decimal(str(value)) != 0)]
        if len(lost):
            raise UserError(
                f"{self._first(lost)} is smaller than any number of float64; write 0, or set"
                f" data.types.{values.name} to category"
            )

    def _refuse_other_decimals(self, texts: "pd.Series") -> None:
        """Refuse as categories what only the sign before decimals keeps from being numbers."""
        for decimal, called in ((".", "a point"), (",", "a comma")):
            if decimal == self.decimal:
                continue
            if _meant(texts, Reader(self.path, decimal, None)._numbers(texts)):
                faulty = texts[texts.str.contains(decimal, regex=False, na=False)]
                if faulty.empty:
                    # Thousands are grouped by what is said to stand before decimals.
                    faulty, called = texts.dropna(), f"no {decimal!r}"
                raise UserError(
                    f"{self._first(faulty)} has {called}, and data.format.decimal is"
                    f" {self.decimal!r}; set it to {decimal!r}, or set data.types.{texts.name} to"
                    " category"
                )


def _meant(values: "pd.Series", converted: "pd.Series") -> bool:
    return bool(converted.notna().sum() >= MEANT_SHARE * values.notna().sum())


def _in_full(value: object) -> Decimal | None:
    """The very number; None of one that is written as an approximation, such as 6.02e23."""
    text = str(value).strip()
    if isinstance(value, float) or not re.fullmatch(r"[+-]?\d+(\.\d*)?", text):
        return None
    return Decimal(text)


def _as_written(values: "pd.Series") -> "pd.Series":
    """Texts in which a date format may find dates: 20240131.0 as ``20240131``."""
    import pandas as pd

    if values.dtype == "str":
        return values
    texts = [
        None if pd.isna(value) else str(int(value) if value % 1 == 0 else value) for value in values
    ]
    return pd.Series(texts, index=values.index, name=values.name, dtype="str")


def labels(values: "pd.Series") -> "pd.Series":
    """Values as the texts of categories, unequal ones unequal.

    Numbers are written as Python does; dates as ISO 8601, as precise as any of them is.
    """
    import numpy as np
    import pandas as pd

    if values.dtype == "str":
        return values
    if values.dtype.kind == "M":
        present = values.dropna()
        instants = present.to_numpy("datetime64[us]")
        unit = next(unit for unit in _UNITS if (instants == instants.astype(f"M8[{unit}]")).all())
        texts = pd.Series(None, index=values.index, name=values.name, dtype="str")
        texts[present.index] = np.datetime_as_string(instants, unit=unit)
        return texts
    written = [None if pd.isna(value) else str(value) for value in values]
    return pd.Series(written, index=values.index, name=values.name, dtype="str")


def in_order(texts: "pd.Series") -> list[str]:
    """The distinct labels: by number if all are numbers, else by letter."""
    distinct = sorted(texts.dropna().unique())
    try:
        return sorted(distinct, key=float)
    except ValueError:
        return distinct
