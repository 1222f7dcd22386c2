"""What comes to a model is read as training read it, or refused by row and value."""

import datetime

import numpy as np
import pandas as pd
import pytest

from plait.data.column_types import Reader
from plait.data.encoders.dates import as_dates
from plait.data.encoders.number import as_numbers
from plait.errors import UserError


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.to_datetime(["2024-01-01"])),
        pd.Series(pd.to_timedelta(["1D"])),
        pd.Series([datetime.date(2024, 1, 1)], dtype=object),
        pd.Series([np.datetime64("2024")], dtype=object),
        pd.Series([1 + 2j]),
        pd.Series([b"1"], dtype=object),
        pd.Series([pd.Period("2024")]),
        pd.Series([[1]], dtype=object),
        pd.Series(["True"]),
    ],
    ids=lambda values: str(values.dtype),
)
def test_what_is_no_number_is_none_though_pandas_makes_one(values: "pd.Series[object]") -> None:
    with pytest.raises(UserError, match=r"row 0: .* is not a number"):
        as_numbers(values.rename("c"))


@pytest.mark.parametrize("texts", [["10%", "5"], ["$1", "€2"]])
def test_units_are_not_mixed_in_rows_to_predict_either(texts: list[str]) -> None:
    with pytest.raises(UserError, match="column 'c' mixes"):
        as_numbers(pd.Series(texts, name="c"))


def test_numbers_of_every_kind_are_read() -> None:
    kinds = [pd.Series([1, None], dtype="Int64"), pd.Series(["1,000", 7, None], dtype=object)]
    assert [as_numbers(each)[:-1].tolist() for each in kinds] == [[1.0], [1000.0, 7.0]]
    assert all(np.isnan(as_numbers(each)[-1]) for each in kinds)
    assert as_numbers(pd.Series(["3,5", "1.000,5"]), ",").tolist() == [3.5, 1000.5]


def test_a_date_is_read_by_the_digits_that_training_asked_for() -> None:
    with pytest.raises(UserError, match="'1112024' is not a date"):
        as_dates(pd.Series(["1112024"], name="c"), "%d%m%Y")
    assert as_dates(pd.Series(["11122024"]), "%d%m%Y")[0] == pd.Timestamp("2024-12-11", tz="UTC")


@pytest.mark.parametrize("word", ["today", "now"])
def test_no_word_is_a_date_by_the_clock(word: str) -> None:
    values = pd.Series([word] * 3, name="c", dtype="str")
    assert Reader("a.csv", ".", None).convert(values, None)[1] == "category"
    with pytest.raises(UserError, match="is not a date"):
        as_dates(values)
    with pytest.raises(UserError, match=r"'\.5' has a point, and data\.format\.decimal is ','"):
        Reader("a.csv", ",", None).convert(pd.Series([".5"], name="c", dtype="str"), None)


def test_a_number_that_float64_would_take_for_nothing_is_refused() -> None:
    values = pd.Series(["1", "1e-400"], name="c", dtype="str")
    with pytest.raises(UserError, match=r"row 1: '1e-400' is smaller than any number"):
        Reader("a.csv", ".", None).convert(values, None)
    zeros = pd.Series(["0", "0e5", "-0.0"], dtype="str")
    assert Reader("a.csv", ".", None).convert(zeros, None)[0].tolist() == [0.0, 0.0, 0.0]
