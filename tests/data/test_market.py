import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from plait.data import leakage
from plait.data.dataset import read_part
from plait.data.sources import market
from plait.data.write import write
from plait.errors import UserError

HORIZONS = [1, 5, 20]


@pytest.fixture(scope="module")
def prices():
    return market.read_prices(["AAPL", "FB", "GOOG", "IBM", "MSFT"])


def known(rows):
    return market.features(rows, HORIZONS, None)


def cuts(prices):
    return [prices["date"].iloc[number] for number in (100, 3000, 11000, 12000)]


def test_features_recomputed_from_data_cut_at_a_day_are_equal(prices):
    assert leakage.changed_by_the_future(known, prices, "date", cuts(prices)) == []


@pytest.mark.parametrize(
    "planted",
    [
        lambda rows: rows.groupby("ticker")["close"].pct_change(-1),
        lambda rows: rows.groupby("ticker")["close"].transform(
            lambda close: close.rolling(5, center=True).mean()
        ),
        lambda rows: (rows["close"] - rows["close"].mean()) / rows["close"].std(),
        lambda rows: rows.groupby("ticker")["close"].bfill(limit=1).shift(-5),
    ],
    ids=["tomorrow", "centred window", "scaled on all rows", "five days on"],
)
def test_a_planted_leak_is_found(planted, prices):
    def leaking(rows):
        return known(rows).assign(planted=planted(rows))

    assert leakage.changed_by_the_future(leaking, prices, "date", cuts(prices)) == ["planted"]


def test_a_leak_stops_the_reading(settings_for, monkeypatch, tmp_path):
    honest = market.features

    def leaking(rows, horizons, sentiment):
        ahead = rows.groupby("ticker")["close"].pct_change(-1)
        return honest(rows, horizons, sentiment).assign(return_1=ahead)

    monkeypatch.setattr(market, "features", leaking)
    with pytest.raises(AssertionError, match=r"look ahead: .*return_1"):
        market.read(settings_for("market"), tmp_path)


def test_features_are_what_their_names_say(prices):
    one = prices[prices["ticker"] == "IBM"].reset_index(drop=True)
    features = known(prices)[(prices["ticker"] == "IBM").to_numpy()].reset_index(drop=True)
    close, volume = one["close"], one["volume"]
    day = 500
    for days in HORIZONS:
        expected = close[day] / close[day - days] - 1
        assert features[f"return_{days}"][day] == pytest.approx(expected)
        before = volume[day - days : day].mean()
        assert features[f"volume_{days}"][day] == pytest.approx(np.log(volume[day] / before))
    daily = close[day - 20 : day + 1].pct_change().dropna()
    assert len(daily) == 20
    assert features["volatility_20"][day] == pytest.approx(daily.std())


def test_breadth_is_the_share_of_tickers_that_rose(prices):
    day = prices["date"].unique()[2500]
    at = prices["date"] == day
    rose = [
        of["close"].iloc[-1] > of["close"].iloc[-2]
        for _, of in prices[prices["date"] <= day].groupby("ticker")
    ]
    assert len(rose) == 4
    assert set(known(prices)["breadth"][at]) == {sum(rose) / 4}


def test_a_share_split_is_no_burst_of_trade(prices):
    """Apple's shares were split two for one on 2005-02-28."""
    apple = prices[prices["ticker"] == "AAPL"].set_index("date")
    around = apple.loc["2005-02-14":"2005-03-11", "close"].pct_change().abs()
    assert around.max() < 0.1
    raw = pd.read_csv(market._package_folder() / "_data" / "stocks.csv.gz")
    raw = raw[raw["Ticker"] == "AAPL"].set_index("Date")["Volume"]
    before, after = "2005-02-25", "2005-02-28"
    jump = (raw[after] / raw[before]) / (apple["volume"][after] / apple["volume"][before])
    assert jump == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("target", ["return", "direction"])
def test_the_target_is_of_the_next_day_and_the_naive_answer_of_today(
    target, settings_for, tmp_path, prices
):
    settings = settings_for("market", target=target)
    dataset = write(market.read(settings, tmp_path), "market", tmp_path)
    test = read_part(tmp_path, "test")
    row = test[(test["ticker"] == "MSFT") & (test["date"] == "2011-06-01")].iloc[0]
    close = prices[prices["ticker"] == "MSFT"].set_index("date")["close"]
    today, tomorrow = close.pct_change()["2011-06-01":"2011-06-02"]
    naive = dataset.facts["naive_column"]
    assert naive in dataset.names("extra")
    assert row["close"] == close["2011-06-01"]
    if target == "return":
        assert row[dataset.target] == pytest.approx(tomorrow)
        assert row[naive] == pytest.approx(today)
    else:
        assert dataset.classes == ("down", "up")
        assert row[dataset.target] == ("up" if tomorrow > 0 else "down")
        assert row[naive] == ("up" if today > 0 else "down")


def test_parts_are_apart_by_the_longest_horizon_and_dropped_rows_counted(settings_for, tmp_path):
    dataset = write(market.read(settings_for("market"), tmp_path), "market", tmp_path)
    parts = [read_part(tmp_path, part) for part in ("train", "val", "test")]
    days = np.sort(market.read_prices(["IBM"])["date"].unique())
    for earlier, later in itertools.pairwise(parts):
        last = np.searchsorted(days, earlier["date"].max())
        first = np.searchsorted(days, later["date"].min())
        assert first - last == 21
    dropped = dataset.counts["rows_dropped"]
    assert dropped["without full history"] == 5 * 20
    assert dropped["without a next day"] == 5
    assert sum(dropped.values()) == dataset.counts["rows_in_no_part"]
    assert sum(len(part) for part in parts) + sum(dropped.values()) == 12154
    assert dataset.counts["duplicates_across_parts"] == 0


def test_licence_origin_and_roles_are_stated(settings_for, tmp_path):
    dataset = write(market.read(settings_for("market"), tmp_path), "market", tmp_path)
    assert "public domain" in dataset.licence
    assert "Quandl WIKI" in dataset.provenance["origin"]
    assert dataset.names("time") == ["date"]
    assert dataset.names("group") == ["ticker"]
    assert dataset.facts["market"] is True
    assert [column.name for column in dataset.features] == [
        *(f"return_{days}" for days in HORIZONS),
        *(f"volume_{days}" for days in HORIZONS),
        "volatility_20",
        "breadth",
    ]


@pytest.mark.slow
def test_the_package_is_read_and_not_imported():
    code = (
        "import sys; from plait.data.sources import market; market.read_prices(['IBM']);"
        "sys.exit('bokeh_sampledata' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def own_sentiment(prices, by_ticker):
    days = prices.drop_duplicates("date") if not by_ticker else prices
    moods = pd.DataFrame({"when": days["date"].dt.strftime("%Y-%m-%d"), "mood": range(len(days))})
    return moods.assign(stock=days["ticker"]) if by_ticker else moods


@pytest.mark.parametrize("by_ticker", [False, True])
def test_the_users_sentiment_stands_in_for_the_proxies(
    by_ticker, prices, settings_for, raw, tmp_path
):
    moods = own_sentiment(prices, by_ticker)
    root = raw("mood.csv", moods.iloc[:-1].to_csv(index=False))
    settings = settings_for(
        "market",
        sentiment={
            "path": "data/raw/mood.csv",
            "column": "mood",
            "date": "when",
            "ticker": "stock" if by_ticker else None,
        },
    )
    assert settings.files == ("data/raw/mood.csv",)
    dataset = write(market.read(settings, root), "market", tmp_path / "out")
    names = [column.name for column in dataset.features]
    assert names[-1] == "sentiment"
    assert "breadth" not in names
    assert dataset.provenance["sentiment"] == "data/raw/mood.csv"
    train = read_part(tmp_path / "out", "train")
    row = train[(train["date"] == "2005-03-01") & (train["ticker"] == "IBM")].iloc[0]
    match = (moods["when"] == "2005-03-01") & (moods["stock"] == "IBM" if by_ticker else True)
    assert row["sentiment"] == moods["mood"][match].iloc[0]


def test_days_without_sentiment_are_dropped_and_counted(prices, settings_for, raw, tmp_path):
    moods = own_sentiment(prices, by_ticker=False)
    root = raw("mood.csv", moods[moods["when"] != "2005-03-01"].to_csv(index=False))
    given = {"path": "data/raw/mood.csv", "column": "mood", "date": "when"}
    dataset = write(
        market.read(settings_for("market", sentiment=given), root), "market", tmp_path / "out"
    )
    assert dataset.counts["rows_dropped"]["without sentiment"] == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("date,moood\n2005-03-01,1\n", "no column 'mood'.*did you mean 'moood'"),
        ("date,mood\n2005-03-01,good\n", "column 'mood', row 0: 'good' is not a number"),
        ("date,mood\nyesterday,1\n", "column 'date', row 0: 'yesterday' is not an ISO 8601 date"),
        ("date,mood\n2005-03-01,1\n2005-03-01,2\n", "row 1 is the second for 2005-03-01"),
    ],
)
def test_sentiment_that_cannot_be_used_is_refused(content, message, settings_for, raw):
    given = {"path": "data/raw/mood.csv", "column": "mood"}
    with pytest.raises(UserError, match=message):
        market.read(settings_for("market", sentiment=given), raw("mood.csv", content))
