"""Daily prices and volumes of five stocks: tomorrow's return, or its sign, from what is known."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from plait.data import leakage, reading
from plait.data.base import SourceSettings
from plait.data.column_types import Reader
from plait.data.dataset import Column, Source, Type
from plait.data.header import require
from plait.data.splits import NO_PART, Split, assign
from plait.errors import UserError
from plait.settings import Settings as Base
from plait.settings import setting

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

CLASSES = ("down", "up")
"""A day without change counts as down."""

Ticker = Literal["AAPL", "FB", "GOOG", "IBM", "MSFT"]

_LEAK_CUTS = (0.3, 0.6, 0.9)
"""Where in the prices' history the leak check cuts, on every reading."""


class Sentiment(Base):
    """The user's own sentiment: a comma-separated UTF-8 file, or Parquet, under data/raw/."""

    path: reading.RawPath | None = setting(
        "file of sentiment scores; null: volatility and breadth of the market stand in for them"
    )
    column: str | None = setting(
        "column of the scores; a day's score must be known at that day's close"
    )
    date: str = setting("column of the scores' dates")
    ticker: str | None = setting(
        "column of the scores' tickers; null: one score a day for all stocks"
    )

    @model_validator(mode="after")
    def _check(self) -> "Sentiment":
        if (self.path is None) != (self.column is None):
            raise ValueError(
                "path and column of the sentiment go together: set both, or both to null"
            )
        return self


class Settings(SourceSettings):
    """Which stocks, what is known of them, and what is predicted."""

    tickers: list[Ticker] = setting("stocks; GOOG starts in August 2004, FB in May 2012")
    horizons: list[int] = setting(
        "lengths of time over which returns and volume changes reach", unit="days"
    )
    target: Literal["return", "direction"] = setting(
        "target: tomorrow's return, or whether it is up"
    )
    sentiment: Sentiment = setting("sentiment scores: the user's own, or stand-ins")
    seed: int = setting("seed without effect: a split by time draws nothing at random", ge=0)
    split: Split = setting(
        "division by time on the column date; with a gap of at least the longest horizon"
    )

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        for key, values in (("tickers", self.tickers), ("horizons", self.horizons)):
            if not values or len(set(values)) < len(values):
                raise ValueError(f"{key} must name one or more, each once; got {values}")
        if min(self.horizons) < 1 or max(self.horizons) < 2:
            raise ValueError(
                f"horizons must be 1 day or more, the longest at least 2; got {self.horizons}"
            )
        if self.split.by != "time" or self.split.column != "date":
            raise ValueError("prices are split by time: set split.by: time, split.column: date")
        if self.split.gap < max(self.horizons):
            raise ValueError(
                f"split.gap {self.split.gap} lets the windows of two parts overlap; it must be"
                f" at least the longest horizon, {max(self.horizons)}"
            )
        return self

    @property
    def task(self) -> str:
        """A direction is a class."""
        return "regression" if self.target == "return" else "classification"

    @property
    def files(self) -> tuple[str, ...]:
        """The sentiment's file, if there is one."""
        return () if self.sentiment.path is None else (self.sentiment.path,)


def read(settings: Settings, root: Path) -> Source:
    """Read prices, compute what is known at each close, split by date.

    :param settings: stocks, features, target.
    :param root: the project's root, above data/raw.
    :returns: a row a day and ticker, by date; ``counts["rows_dropped"]`` says how many had no
        full history, no next day or no sentiment. ``facts["naive_column"]`` is the naive answer:
        tomorrow is as today.
    :raises UserError: if the user's sentiment cannot be used.
    """
    prices = read_prices(settings.tickers)
    own = None if settings.sentiment.path is None else _read_sentiment(settings, root)

    def compute(rows: "pd.DataFrame") -> "pd.DataFrame":
        return features(rows, settings.horizons, own)

    known = compute(prices)
    _refuse_foresight(compute, prices)
    following = prices.groupby("ticker")["close"].shift(-1) / prices["close"] - 1
    frame = prices[["date", "ticker", "close"]].join(known)
    frame = frame.assign(**_targets(settings, prices, following))
    part_of_row, dropped = _split(settings, known, frame["date"], following)
    naive, target = frame.columns[-2:]
    return Source(
        task=settings.task,
        columns=_columns(settings, known.columns.tolist(), naive, target),
        part_of_row=part_of_row,
        chunks=[frame],
        provenance=_provenance(settings),
        licence="public domain, as Quandl declared of its WIKI prices (says bokeh-sampledata, whose"
        " code is BSD-3-Clause); supplied as is",
        classes=() if settings.target == "return" else CLASSES,
        counts={"rows_dropped": {**dropped}},
        facts={
            "market": True,
            "naive_column": naive,
            "naive_title": f"predicting that the last {settings.target} repeats",
        },
    )


def read_prices(tickers: "list[Ticker]") -> "pd.DataFrame":
    """The daily prices, by date and ticker.

    :returns: date, ticker, close (adjusted for splits and dividends, USD) and volume (shares,
        adjusted likewise).
    """
    import pandas as pd

    raw = pd.read_csv(_package_folder() / "_data" / "stocks.csv.gz")
    raw = raw[raw["Ticker"].isin(tickers)]
    prices = pd.DataFrame(
        {
            "date": pd.to_datetime(raw["Date"], format="%Y-%m-%d").astype("datetime64[us]"),
            "ticker": raw["Ticker"].astype("str"),
            "close": raw["Adj Close"],
            # Else a split of shares two for one would look like twice the trade.
            "volume": raw["Volume"] * raw["Close"] / raw["Adj Close"],
        }
    )
    return prices.sort_values(["date", "ticker"], ignore_index=True)


def features(
    prices: "pd.DataFrame", horizons: list[int], sentiment: "pd.DataFrame | None"
) -> "pd.DataFrame":
    """What is known at the close of each day, and nothing later.

    For each horizon h: the return over the last h days, and the logarithm of the day's volume to
    the mean of the h days before. Then sentiment: the user's, or volatility (standard deviation
    of daily returns over the longest horizon) and breadth (share of the tickers that rose).

    :param prices: as of `read_prices`.
    :param horizons: in trading days.
    :param sentiment: date, perhaps ticker, and sentiment; None for the proxies.
    :returns: the same rows; NaN where history is too short.
    """
    import numpy as np
    import pandas as pd

    by_ticker = prices.groupby("ticker")
    known = pd.DataFrame(index=prices.index)
    for days in horizons:
        known[f"return_{days}"] = by_ticker["close"].pct_change(days)
    for days in horizons:
        before = by_ticker["volume"].transform(
            lambda volume, days=days: volume.shift(1).rolling(days).mean()
        )
        known[f"volume_{days}"] = np.log(prices["volume"] / before)
    if sentiment is not None:
        keys = [name for name in ("date", "ticker") if name in sentiment]
        joined = prices[keys].merge(sentiment, on=keys, how="left")
        known["sentiment"] = joined["sentiment"].to_numpy()
        return known
    daily = by_ticker["close"].pct_change()
    known[f"volatility_{max(horizons)}"] = daily.groupby(prices["ticker"]).transform(
        lambda returns: returns.rolling(max(horizons)).std()
    )
    rose = (daily > 0).astype("float64").where(daily.notna())
    known["breadth"] = rose.groupby(prices["date"]).transform("mean")
    return known


def _refuse_foresight(
    compute: "Callable[[pd.DataFrame], pd.DataFrame]", prices: "pd.DataFrame"
) -> None:
    """:raises AssertionError: if a feature changes when later prices are cut off."""
    import numpy as np

    dates = np.sort(prices["date"].unique())
    cuts = [dates[int(len(dates) * share)] for share in _LEAK_CUTS]
    ahead = leakage.changed_by_the_future(compute, prices, "date", cuts)
    assert not ahead, f"features look ahead: {ahead}"


def _targets(
    settings: Settings, prices: "pd.DataFrame", following: "pd.Series"
) -> "dict[str, pd.Series]":
    """The naive answer and the target, by the names of their columns."""
    last = prices.groupby("ticker")["close"].pct_change()
    if settings.target == "return":
        return {"last_return": last, "next_return": following}
    return {"last_direction": _direction(last), "next_direction": _direction(following)}


def _split(
    settings: Settings, known: "pd.DataFrame", dates: "pd.Series", following: "pd.Series"
) -> "tuple[np.ndarray, dict[str, int]]":
    """The part of each row, int8 (rows,), and how many rows are in none, by the reason.

    :param known: the features; NaN where they are not known.
    :param following: (rows,), the next day's return; NaN where there is no next day.
    """
    import numpy as np

    history = known.drop(columns="sentiment", errors="ignore").notna().all(axis=1)
    next_day = following.notna()
    usable = (known.notna().all(axis=1) & next_day).to_numpy()
    part_of_row = np.full(len(known), NO_PART, dtype=np.int8)
    part_of_row[usable] = assign(
        settings.split, int(usable.sum()), seed=settings.seed, times=dates[usable]
    )
    dropped = {
        "without full history": int((~history).sum()),
        "without a next day": int((history & ~next_day).sum()),
    }
    if "sentiment" in known:
        dropped["without sentiment"] = int((history & next_day & known["sentiment"].isna()).sum())
    dropped["in a gap between parts"] = int((part_of_row[usable] == NO_PART).sum())
    return part_of_row, dropped


def _direction(returns: "pd.Series") -> "pd.Series":
    rose = (returns > 0).map({False: CLASSES[0], True: CLASSES[1]})
    return rose.where(returns.notna()).astype("str")


def _columns(settings: Settings, known: list[str], naive: str, target: str) -> tuple[Column, ...]:
    kind: Type = "number" if settings.target == "return" else "category"
    unit = "fraction" if settings.target == "return" else ""
    return (
        Column("date", "time", "date"),
        Column("ticker", "group", "category"),
        Column("close", "extra", "number", "USD, adjusted"),
        *(Column(name, "feature", "number") for name in known),
        Column(naive, "extra", kind, unit),
        Column(target, "target", kind, unit),
    )


def _provenance(settings: Settings) -> dict[str, str]:
    from importlib.metadata import version

    provenance = {
        "name": "daily stock prices " + ", ".join(settings.tickers),
        "origin": "Quandl WIKI Prices, archived copy; stocks.csv.gz of the package"
        " bokeh-sampledata (2000-03-01 to 2013-03-01)",
        "version": f"bokeh-sampledata {version('bokeh-sampledata')}",
    }
    if settings.sentiment.path is not None:
        provenance["sentiment"] = settings.sentiment.path
    return provenance


def _package_folder() -> Path:
    """Where bokeh-sampledata lies; importing it would read data of its own."""
    from importlib.util import find_spec

    found = find_spec("bokeh_sampledata")
    if found is None or not found.submodule_search_locations:
        raise UserError("the prices' package is missing: pip install bokeh-sampledata")
    return Path(found.submodule_search_locations[0])


def _read_sentiment(settings: Settings, root: Path) -> "pd.DataFrame":
    """The user's file: date, ticker if it has one, and ``sentiment``; one row a key."""
    import pandas as pd

    source = settings.sentiment
    assert source.path is not None
    assert source.column is not None
    text_format = reading.TextFormat(
        separator=",", quote='"', encoding="utf-8", decimal=".", na_values=[""]
    )
    raw = reading.read(source.path, root, text_format)
    used = {"date": source.date, "ticker": source.ticker, "sentiment": source.column}
    present = {name: column for name, column in used.items() if column is not None}
    require(present.values(), raw.columns.tolist(), source.path, "data.sentiment")
    reader = Reader(source.path, decimal=".", date_format=None)
    own = pd.DataFrame(
        {
            "date": reader.convert(raw[source.date], "date")[0],
            "sentiment": reader.convert(raw[source.column], "number")[0],
        }
    )
    if source.ticker is not None:
        own["ticker"] = reader.convert(raw[source.ticker], "category")[0]
    keys = [name for name in ("date", "ticker") if name in own]
    again = own.index[own.duplicated(keys)]
    if len(again):
        shown = " ".join(str(own.loc[again[0], key]) for key in keys)
        raise UserError(f"{source.path}: row {again[0]} is the second for {shown}; leave one")
    return own
