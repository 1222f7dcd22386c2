"""Few rows are encoded a value at a time, and many by column: the same to the last bit."""

from datetime import date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkouts import ROOT
from plait.config.levels import read_yaml
from plait.data.dataset import Column, Dataset
from plait.data.preprocessing import FEW, ColumnPreprocessor, Settings
from plait.data.rows import columns_of
from plait.errors import UserError

DEFAULTS = read_yaml(ROOT / "conf/config.yaml")["preprocessing"]

COLUMNS = (
    Column("row", "index", "number"),
    Column("size", "feature", "number"),
    Column("weight", "feature", "number", decimal=","),
    Column("whole", "feature", "number"),
    Column("small", "feature", "number"),
    Column("city", "feature", "category"),
    Column("rating", "feature", "category"),
    Column("open", "feature", "category"),
    Column("street", "feature", "category"),
    Column("sold", "feature", "date"),
    Column("built", "feature", "date", date_format="%d.%m.%Y"),
    Column("seen", "feature", "date", date_format="%b %d %Y %H:%M"),
    Column("id", "feature", "category"),
    Column("price", "target", "number"),
)
"""Every type and encoder, with missing values in training and without."""

FEATURES = [column.name for column in COLUMNS if column.role == "feature"]


def training(number: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "row": np.arange(number),
            "size": rng.uniform(40, 200, number),
            "weight": rng.normal(size=number),
            "whole": rng.integers(0, 9, number).astype(float),
            "small": rng.uniform(0, 1e-300, number),
            "city": rng.choice(["Bonn", "Aachen", "Köln", "nan", "?", "a", "b"], number, p=PARTS),
            "rating": rng.choice(["1", "2", "3.0", "2.5"], number),
            "open": rng.choice(["true", "false"], number),
            "street": rng.choice([f"street {number}" for number in range(60)], number),
            "sold": pd.date_range("1969-12-24 03:00", periods=number, freq="37h"),
            "built": pd.date_range("2024-01-01", periods=number),
            "seen": pd.date_range("2024-01-01 07:30", periods=number, freq="h"),
            "id": [f"id {number}" for number in range(number)],
            "price": rng.uniform(100, 900, number),
        }
    )
    for place, name in enumerate(("weight", "city", "street", "built")):
        frame.loc[rng.choice(number, 20 + place, replace=False), name] = None
    return frame


PARTS = [0.4, 0.3, 0.1, 0.1, 0.09, 0.005, 0.005]


def fitted(task: str = "regression", **changes: str | int) -> ColumnPreprocessor:
    frame, columns, classes = training(), COLUMNS, ()
    if task == "classification":
        columns = (*COLUMNS[:-1], Column("price", "target", "category"))
        frame["price"] = np.array(["low", "middle", "high"])[np.arange(len(frame)) % 3]
        classes = ("high", "low", "middle")
    described = Dataset("table", task, columns, classes, {}, "", {}, "", {}, {})
    return ColumnPreprocessor.fit(
        frame, described, Settings(**{**DEFAULTS, "target_scaling": "none", **changes})
    )


FITTED = {
    "defaults": fitted(),
    "classes": fitted("classification"),
    "unscaled": fitted(feature_scaling="none", dates="days"),
    "strict": fitted(unseen="error", identifiers="keep", rare_below=1),
}

missing = st.sampled_from([None, float("nan"), pd.NaT, pd.NA])
numbers = st.one_of(
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.sampled_from(["1", "1.5", "1,5", "1.200,5", " 7 ", "1e5", "0x10", "12 %", "$3", "-0.0"]),
    st.booleans(),
    st.floats(width=32).map(np.float32),
    st.integers(-(2**31), 2**31).map(np.int64),
)
categories = st.one_of(
    st.sampled_from(["Bonn", "Aachen", "a", "nan", "true", "True", "1", "3", "3.0", "street 7"]),
    st.text(max_size=4),
    st.sampled_from([1, 1.0, 2.5, 3, 3.0, True, False, np.str_("Bonn"), np.True_, np.int64(1)]),
    st.floats(),
)
dates = st.one_of(
    st.datetimes(),
    st.dates(),
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(pd.Timestamp),
    st.datetimes(timezones=st.just(timezone(timedelta(hours=2)))),
    st.datetimes().map(str),
    st.dates().map(str),
    st.dates(date(1000, 1, 1)).map(lambda day: f"{day:%d.%m.%Y}"),
    st.datetimes(datetime(1000, 1, 1)).map(lambda day: f"{day:%b %d %Y %H:%M}"),
    st.sampled_from(
        ["2024-1-2", "2024-02-30", "20240102", "2024-01-02T03:04:05Z", "now", "2024-01-02 25:00"]
    ),
    st.sampled_from([pd.Timestamp(5, unit="ns"), np.datetime64("2024-01-02", "D"), 7, 7.5, ""]),
)
ANY = {
    "number": st.one_of(missing, numbers, numbers, numbers, categories),
    "category": st.one_of(missing, categories, categories, categories, numbers),
    "date": st.one_of(missing, dates, dates, dates, categories),
}
values = st.fixed_dictionaries(
    {column.name: ANY[column.type] for column in COLUMNS if column.role == "feature"}
)


def encoded(
    preprocessor: ColumnPreprocessor, columns: dict[str, list[object]]
) -> list[bytes | str]:
    """What each column becomes, or how it is refused."""
    found: list[bytes | str] = []
    for encoder in preprocessor.used:
        alone = ColumnPreprocessor(preprocessor.target, (encoder,))
        try:
            inputs = alone.transform_columns({encoder.name: columns[encoder.name]})
        except UserError as error:
            found.append(str(error))
        else:
            found.append(inputs[:1].tobytes())
    return found


@pytest.mark.parametrize("kind", FITTED)
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(row=values)
def test_a_row_alone_is_what_it_is_among_many(kind: str, row: dict[str, object]) -> None:
    once = {name: [value] for name, value in row.items()}
    often = {name: [value] * (FEW + 1) for name, value in row.items()}
    assert encoded(FITTED[kind], once) == encoded(FITTED[kind], often)


@pytest.mark.parametrize("kind", FITTED)
def test_rows_of_a_frame_are_as_its_columns(kind: str) -> None:
    frame = training()
    whole = FITTED[kind].transform(frame)
    few = [FITTED[kind].transform(frame.iloc[at : at + 7]) for at in range(0, len(frame), 7)]
    assert np.concatenate(few).tobytes() == whole.tobytes()
    as_lists = [
        FITTED[kind].transform_columns({name: frame[name].iloc[at : at + 7] for name in FEATURES})
        for at in range(0, len(frame), 7)
    ]
    assert np.concatenate(as_lists).tobytes() == whole.tobytes()


def test_common_values_need_no_column_made_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each type what a service is sent, so that it cannot become slow without being seen."""
    for preprocessor in FITTED.values():
        for encoder in preprocessor.used:
            encoder.of_value(None)
            encoder.of_value("")
        with monkeypatch.context() as patch:
            patch.setattr(pd, "Series", None)
            for value in (3, 2.5, None):
                assert preprocessor.used[0].of_value(value) is not None
        for name, known in (("city", "Bonn"), ("street", "street 7"), ("sold", "2024-01-02")):
            encoder = next(each for each in preprocessor.used if each.name == name)
            assert encoder.of_value(known) is not None
            assert encoder.of_value(None) is not None
        encoder = next(each for each in preprocessor.used if each.name == "built")
        assert encoder.of_value("02.01.2024") == encoder.of_value(datetime(2024, 1, 2)) is not None


def test_columns_of_unequal_length_are_refused() -> None:
    assert columns_of({"a": 1, "b": np.float64(2)}) == ({"a": [1], "b": [2.0]}, 1)
    assert columns_of({"a": [1, 2], "b": np.array([1, 2])})[1] == 2
    with pytest.raises(UserError, match="column 'a' has 2, and column 'b' has 1: each column"):
        columns_of({"a": [1, 2], "b": [3]})
    with pytest.raises(UserError, match="column 'a' has 2, and column 'b' is a single value"):
        columns_of({"a": [1, 2], "b": "3"})
