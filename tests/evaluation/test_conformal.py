"""Prediction intervals hold as many truths as they say, or the report says why there are none."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from plait.evaluation.conformal import half_width, least_rows
from plait.evaluation.notation import readable
from plait.evaluation.parts import SetAside, read_set_aside
from plait.evaluation.report import page
from plait.evaluation.wilson import wilson
from plait.workspace import Outputs

from .conftest import Case, FakeModel, by_centre, classes_case, run, true_model


def intervals(case: Case, set_aside: SetAside | None, **changes: Any) -> Any:
    case = dataclasses.replace(case, set_aside=set_aside)
    return run(case, true_model(), resamples=20, **changes)["prediction_intervals"]


@pytest.mark.parametrize(("rows", "level"), [(19, 0.95), (20, 0.95), (99, 0.9), (40, 0.5)])
def test_of_exchangeable_rows_each_is_held_as_often_as_the_level_says(
    rows: int, level: float
) -> None:
    """Each of ``rows + 1`` errors is as likely the further one: the theorem, counted out."""
    errors = np.random.default_rng(rows).exponential(size=rows + 1)
    held = [half_width(np.delete(errors, place), level) >= errors[place] for place in range(rows)]
    held.append(half_width(errors[:-1], level) >= errors[-1])
    assert level - 1e-12 <= np.mean(held) < level + 1 / (rows + 1)


def test_too_few_errors_for_a_level_are_known() -> None:
    assert [least_rows(level) for level in (0.5, 0.9, 0.95, 0.99)] == [1, 9, 19, 99]
    assert half_width(np.arange(19.0), 0.95) == 18


def test_the_calibration_part_is_taken_before_the_validation_part(
    linear: Case, tmp_path: Path
) -> None:
    assert read_set_aside(tmp_path) == ()
    for part, name in (("val", "the validation part"), ("calibration", "the calibration part")):
        rows = linear.train.iloc[: 50 if part == "val" else 30]
        rows.to_parquet(tmp_path / f"{part}.parquet", index=False)
        aside = read_set_aside(tmp_path)[0]
        assert (aside.name, len(aside.frame)) == (name, len(rows))
    found = intervals(linear, aside)
    assert (found["part"], found["rows"]) == ("the calibration part", 30)


def test_coverage_is_counted_on_the_test_part(linear: Case) -> None:
    aside = SetAside("val", linear.train.iloc[:100])
    found = intervals(linear, aside)
    errors = abs(aside.frame.y - true_model().predict(aside.frame)).sort_values()
    assert found["half_width"] == pytest.approx(errors.iloc[95], rel=1e-7)  # ceil(101 · 0.95) = 96
    assert found["mean_width"] == pytest.approx(2 * errors.iloc[95], rel=1e-7)
    held = abs(linear.test.y - true_model().predict(linear.test)) <= errors.iloc[95]
    assert found["coverage"]["value"] == pytest.approx(held.mean(), rel=1e-7)
    assert found["coverage"]["low"] < 0.95 < found["coverage"]["high"]
    assert (found["rows"], found["part"], found["reason"]) == (100, "the validation part", None)


def test_without_rows_to_make_them_the_reason_is_told(linear: Case) -> None:
    found = intervals(linear, None)
    assert found["coverage"] is None
    assert found["reason"].startswith("There is neither a calibration nor a validation part")
    few = intervals(linear, SetAside("val", linear.train.iloc[:18]))
    assert few["half_width"] is None
    assert few["reason"] == (
        "At 95% they take the errors of 19 rows at least; the validation part has 18."
    )
    enough = SetAside("val", linear.train.iloc[:18])
    assert intervals(linear, enough, confidence_level=0.9)["half_width"] > 0


def test_rows_that_are_set_aside_are_predicted_once(outputs: Outputs) -> None:
    """A language model takes seconds for them."""
    case, asked = classes_case(outputs, ("no", "yes")), []

    def formula(frame: Any) -> Any:
        asked.append(len(frame))
        return by_centre(2)(frame)

    case = dataclasses.replace(case, set_aside=SetAside("val", case.train))
    assert run(case, FakeModel(formula), resamples=20)["prediction_intervals"] is None
    assert sorted(asked) == sorted([len(case.test), len(case.train)])


def test_intervals_and_metrics_share_the_predictions_of_the_rows_set_aside(linear: Case) -> None:
    asked: list[int] = []

    def formula(frame: Any) -> Any:
        asked.append(len(frame))
        return 3 * frame["x0"].to_numpy()

    case = dataclasses.replace(linear, set_aside=SetAside("val", linear.train))
    found = run(case, FakeModel(formula), resamples=20)
    assert found["prediction_intervals"]["half_width"] > 0
    assert found["validation"]["rows"] == len(linear.train)
    assert asked.count(len(linear.train)) == 1


def test_the_report_says_whether_the_test_part_bears_the_intervals_out(linear: Case) -> None:
    found = intervals(linear, SetAside("val", linear.train.iloc[:100]))

    def shown(**changes: Any) -> str:
        evaluation = {"prediction_intervals": {**found, **changes}, "level": 0.95}
        text = page("prediction_intervals.html.j2", evaluation=evaluation, unit="metres")
        return " ".join(text.split())

    assert f"A prediction ± {readable(found['half_width'])} is to hold" in shown()
    assert "The test part bears that out." in shown()
    assert "100 rows of the validation part" in shown()
    few = {"value": 0.8, "low": 0.7, "high": 0.9}
    assert "fewer truths lie in it" in shown(coverage=few)
    assert "None are given. So it is." in shown(coverage=None, reason="So it is.")


@pytest.mark.parametrize(("met", "rows"), [(0, 7), (7, 7), (3, 10), (171, 180)])
def test_the_interval_of_a_share_is_wilsons(met: int, rows: int) -> None:
    theirs = binomtest(met, rows).proportion_ci(0.9, method="wilson")
    assert wilson(met / rows, rows, 0.9) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
