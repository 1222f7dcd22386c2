"""A date: days since 1970, and the parts of the calendar that differ within the training part."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from plait.data.encoders.base import ColumnEncoder, Row, refuse, row_of, with_missing
from plait.data.encoders.instants import instant_of
from plait.data.encoders.number import filled
from plait.data.written_dates import dates_in
from plait.tasks.scaling import mean_and_scale

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PARTS = ("month", "day", "day_of_week", "hour")
"""As pandas calls them. The year is in the days; the rest of the calendar comes round again."""

SHOWN = {"day_of_week": "weekday"}

DAY = 86_400_000_000
"""Microseconds."""

_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Dates(ColumnEncoder):
    """The days, each part, and perhaps an input that says that the date was missing."""

    kind: ClassVar = "date"

    parts: list[str]
    """Of `PARTS`, those that are inputs."""
    mean: list[float]
    """(1 + parts,)."""
    scale: list[float]
    fill: float | None
    """Days, for a missing date; None of a model that was recorded when that was refused."""
    missing_input: bool
    date_format: str | None = None
    """Of dates that come as texts, in strptime's notation; None: ISO 8601."""

    @classmethod
    def fit(
        cls,
        values: "pd.Series",
        *,
        scaled: bool,
        parts: bool,
        impute: str,
        date_format: str | None,
    ) -> "Dates":
        """Fit on the training part.

        :param values: some of them there.
        :param parts: whether there are inputs beside the days.
        """
        import numpy as np

        dates = as_dates(values).dropna()
        days = _days(dates)
        middle = np.median(days) if impute == "median" else np.mean(days)
        differ = [each for each in PARTS if parts and getattr(dates.dt, each).nunique() > 1]
        columns = _columns(dates, differ)
        pairs = [mean_and_scale(column) if scaled else (0.0, 1.0) for column in columns.T]
        mean, scale = ([float(number) for number in each] for each in zip(*pairs, strict=True))
        missing = len(dates) < len(values)
        return cls(str(values.name), differ, mean, scale, float(middle), missing, date_format)

    @property
    def inputs(self) -> list[str]:
        """``sold``, ``sold: month``, …"""
        names = [self.name, *(f"{self.name}: {SHOWN.get(part, part)}" for part in self.parts)]
        return [*names, f"{self.name} is missing"] if self.missing_input else names

    @property
    def treatment(self) -> str:
        """Which parts."""
        parts = ", ".join(SHOWN.get(part, part) for part in self.parts)
        return f"date: days{', ' if parts else ''}{parts}"

    def transform(self, values: "pd.Series") -> "np.ndarray":
        """The inputs, see `ColumnEncoder.transform`."""
        import numpy as np
        import pandas as pd

        missing = values.isna().to_numpy()
        dates = as_dates(values, self.date_format)
        days = filled(self.fill, values, missing) if missing.any() else 0.0
        if missing.any():
            middle = np.datetime64(round(days * DAY), "us")
            dates = dates.fillna(pd.Timestamp(middle, tz="UTC"))
        columns = _columns(dates, self.parts)
        # Not as a date holds it, to the microsecond.
        columns[missing, 0] = days
        scaled = (columns - np.array(self.mean)) / np.array(self.scale)
        return with_missing(scaled, missing, self.missing_input)

    def of_value(self, value: object) -> Row | None:
        """The inputs of one date, see `ColumnEncoder.of_value`."""
        import pandas as pd

        if value is None or value is pd.NaT or (type(value) is float and value != value):
            return self._missing
        instant = instant_of(value, self.date_format)
        if instant is None:
            return None
        days = float((instant - _EPOCH) // timedelta(microseconds=1)) / float(DAY)
        of = {
            "month": instant.month,
            "day": instant.day,
            "day_of_week": instant.weekday(),
            "hour": instant.hour,
        }
        numbers = [days, *(float(of[part]) for part in self.parts)]
        scaled = [
            (number - mean) / scale
            for number, mean, scale in zip(numbers, self.mean, self.scale, strict=True)
        ]
        return (*scaled, 0.0) if self.missing_input else tuple(scaled)

    @cached_property
    def _missing(self) -> Row | None:
        return row_of(self, None)


def as_dates(values: "pd.Series", date_format: str | None = None) -> "pd.Series":
    """Instants of UTC, to the microsecond; missing ones stay missing.

    :param values: dates, or what the format, else ISO 8601, reads as dates: never guessed.
    :raises UserError: naming the first value that is no date.
    """
    import pandas as pd

    given = values
    if pd.api.types.is_numeric_dtype(values) and date_format is None:
        refuse(values, values.notna(), "is not a date")
    if not pd.api.types.is_datetime64_any_dtype(values):
        given = values.map(lambda value: value if pd.isna(value) else str(value)).astype("str")
    if given is values:
        dates = pd.to_datetime(given, utc=True)
    else:
        dates = dates_in(given, None)
        if date_format is not None:
            # As the parts of a data set have them, where the format does not fit; in one unit, for
            # pandas takes that of the texts.
            stated = dates_in(given, date_format).astype("datetime64[us, UTC]")
            dates = stated.fillna(dates.astype("datetime64[us, UTC]"))
    refuse(values, dates.isna() & values.notna(), "is not a date")
    return dates.astype("datetime64[us, UTC]")


def _days(dates: "pd.Series") -> "np.ndarray":
    """Days since 1970, float64, (rows,)."""
    instants = dates.dt.tz_localize(None).to_numpy("datetime64[us]").astype("int64")
    days: np.ndarray = instants / DAY
    return days


def _columns(dates: "pd.Series", parts: list[str]) -> "np.ndarray":
    """Days and parts, float64, (rows, 1 + parts)."""
    import numpy as np

    found = [getattr(dates.dt, part).to_numpy(np.float64) for part in parts]
    return np.column_stack([_days(dates), *found])
