"""A number: shifted, scaled, and imputed where it is missing."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, ClassVar, Literal

from plait.data.encoders.base import ColumnEncoder, Row, refuse, row_of, with_missing
from plait.data.notation import EXACT, numbers_in
from plait.errors import UserError
from plait.tasks.scaling import mean_and_scale

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Number(ColumnEncoder):
    """One input, (x - mean) / scale, and perhaps one that says that the number was missing."""

    kind: ClassVar = "number"

    mean: float
    scale: float
    fill: float | None
    """For a missing one; None of a model that was recorded when that was refused."""
    missing_input: bool
    """Whether one more input says that the value was missing."""
    decimal: str = "."
    """The sign before decimals, where a number comes as a text."""

    @classmethod
    def fit(
        cls, values: "pd.Series", *, scaled: bool, impute: Literal["median", "mean"], decimal: str
    ) -> "Number":
        """Fit on the training part.

        :param values: some of them there.
        """
        import numpy as np

        numbers = as_numbers(values, decimal)
        present = numbers[~np.isnan(numbers)]
        mean, scale = mean_and_scale(present) if scaled else (0.0, 1.0)
        middle = np.median(present) if impute == "median" else np.mean(present)
        missing = len(present) < len(numbers)
        return cls(str(values.name), mean, scale, float(middle), missing, decimal)

    @property
    def inputs(self) -> list[str]:
        """The number, and whether it was missing."""
        return [self.name, *([f"{self.name} is missing"] if self.missing_input else [])]

    @property
    def treatment(self) -> str:
        """A number."""
        return "number; missing ones are imputed" if self.missing_input else "number"

    def transform(self, values: "pd.Series") -> "np.ndarray":
        """The inputs, see `ColumnEncoder.transform`."""
        import numpy as np

        missing = values.isna().to_numpy()
        numbers = as_numbers(values, self.decimal)
        if missing.any():
            numbers = np.where(missing, filled(self.fill, values, missing), numbers)
        scaled = ((numbers - self.mean) / self.scale)[:, None]
        return with_missing(scaled, missing, self.missing_input)

    def of_value(self, value: object) -> Row | None:
        """The inputs of one number, see `ColumnEncoder.of_value`."""
        if value is None or (isinstance(value, float) and value != value):
            return self._missing
        # Of a larger whole number pandas may make one that is no float64.
        if (isinstance(value, float) and isfinite(value)) or (
            type(value) is int and abs(value) < EXACT
        ):
            scaled = (value - self.mean) / self.scale
            return (scaled, 0.0) if self.missing_input else (scaled,)
        return None

    @cached_property
    def _missing(self) -> Row | None:
        return row_of(self, None)


def filled(fill: float | None, values: "pd.Series", missing: "np.ndarray") -> float:
    """What stands for missing values.

    :raises UserError: if nothing does.
    """
    if fill is None:
        raise UserError(
            f"column {values.name!r}, row {values.index[int(missing.argmax())]}: the value is"
            " missing, and training had none that showed how to impute it"
        )
    return fill


def as_numbers(values: "pd.Series", decimal: str = ".") -> "np.ndarray":
    """float64, (rows,), NaN where missing; texts by the notation of `plait.data.notation`.

    :raises UserError: naming the first value that is no number, or infinite; or what units the
        column mixes.
    """
    import numpy as np
    import pandas as pd

    if values.dtype.kind in "iufb":
        numbers = values.astype("float64")
    else:
        written = values.map(_written, na_action="ignore")
        # A date, a span of time or a complex number is none, though pandas makes one of it.
        refuse(values, written.isna() & values.notna(), "is not a number")
        numbers = pd.to_numeric(written, errors="coerce").astype("float64")
        if decimal != "." or (numbers.isna() & written.notna()).any():
            digits, mixed = numbers_in(written.dropna().unique(), decimal)
            if mixed is not None:
                raise UserError(f"column {values.name!r} mixes {mixed}; mend it")
            texts = written.map(lambda text: digits.get(text, text), na_action="ignore")
            numbers = pd.to_numeric(texts, errors="coerce").astype("float64")
    refuse(values, numbers.isna() & values.notna(), "is not a number")
    refuse(values, numbers.abs() == float("inf"), "is infinite")
    return numbers.to_numpy(np.float64)


def _written(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, Real | Decimal) else None
