"""Naive answers and the closed form."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from plait.errors import UserError
from plait.evaluation.closed_form import BIAS, closed_form, coefficient_table
from plait.evaluation.task import evaluation_of
from plait.tasks.classification.evaluation import class_numbers

from .conftest import Case, classes_case


def test_the_mean_is_of_the_training_part(linear: Case) -> None:
    regression = evaluation_of("regression")
    (mean,) = regression.naive(linear.train.y.to_numpy(), linear.test, linear.dataset)
    assert mean.naive
    assert mean.key == "mean"
    np.testing.assert_allclose(mean.prediction, np.full(120, linear.train.y.mean()))


def test_a_market_has_zero_and_yesterday_too(market: Case) -> None:
    regression = evaluation_of("regression")
    zero, mean, yesterday = regression.naive(market.train.y.to_numpy(), market.test, market.dataset)
    assert (zero.title, mean.title) == ("predicting zero", "predicting the training mean")
    assert not zero.prediction.any()
    np.testing.assert_array_equal(yesterday.prediction, market.test.yesterday)


def test_the_majority_answers_with_the_training_frequencies(linear: Case) -> None:
    case = classes_case(linear.outputs, ("a", "b", "c"))
    numbers = class_numbers(case.train.kind, case.dataset)
    (majority,) = evaluation_of("classification").naive(numbers, case.test, case.dataset)
    assert majority.title == "always predicting 'a'"
    np.testing.assert_allclose(
        majority.prediction[0], [(case.train.kind == label).mean() for label in "abc"]
    )


def test_an_unlisted_class_is_named(linear: Case) -> None:
    case = classes_case(linear.outputs, ("a", "b"))
    with pytest.raises(UserError, match="column 'kind': 'z' is no class of the data set"):
        class_numbers(pd.Series(["a", "z"], name="kind"), case.dataset)


@pytest.mark.parametrize("block", [7, 300, 65_536])
def test_the_closed_form_is_least_squares_at_any_block_size(
    linear: Case, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.evaluation.closed_form.BLOCK_ROWS", block)
    solved = closed_form(linear.train, linear.dataset)
    assert solved is not None
    design = np.column_stack((linear.train[["x0", "x1"]], np.ones(300)))
    expected, *_ = np.linalg.lstsq(design, linear.train.y.to_numpy())
    np.testing.assert_allclose(list(solved.coefficients.values()), expected, rtol=1e-10)
    assert list(solved.coefficients) == ["x0", "x1", BIAS]
    np.testing.assert_allclose(
        solved.predict(linear.test),
        np.column_stack((linear.test[["x0", "x1"]], np.ones(120))) @ expected,
        rtol=1e-10,
    )


def test_columns_of_very_different_sizes_are_solved(linear: Case) -> None:
    train = linear.train.assign(x0=linear.train.x0 * 1e-9, x1=linear.train.x1 * 1e9)
    solved = closed_form(train, linear.dataset)
    assert solved is not None
    assert solved.coefficients["x0"] == pytest.approx(3e9, rel=0.1)
    assert solved.coefficients["x1"] == pytest.approx(-2e-9, rel=0.1)


def test_the_closed_form_needs_numbers(linear: Case) -> None:
    holes = linear.train.assign(x0=linear.train.x0.where(linear.train.x0 > 0))
    assert closed_form(holes, linear.dataset) is None
    columns = [
        dataclasses.replace(column, type="category") if column.name == "x0" else column
        for column in linear.dataset.columns
    ]
    assert closed_form(linear.train, dataclasses.replace(linear.dataset, columns=columns)) is None


def test_the_coefficient_table_has_what_is_known(linear: Case) -> None:
    solved = closed_form(linear.train, linear.dataset)
    table = coefficient_table(
        {"x0": 2.9, "colour=red": 1.0, BIAS: 5.1}, solved, {"coefficients": {"x0": 3.0}}
    )
    assert [row["name"] for row in table] == ["x0", "colour=red", BIAS]
    assert [row["true"] for row in table] == [3.0, None, None]
    assert table[0]["closed_form"] == pytest.approx(3, abs=0.2)
    assert table[1]["closed_form"] is None
