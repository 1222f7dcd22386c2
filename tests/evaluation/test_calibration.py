"""Probabilities beside what was met: by hand, and what is said of them."""

import numpy as np
import pandas as pd
import pytest

from plait.evaluation.calibration import calibration
from plait.evaluation.calibration_bins import binned, stated_and_met
from plait.evaluation.intervals import Resampling
from plait.evaluation.report import page
from plait.evaluation.task import Assessment

from .conftest import describe

ONE = np.ones(40)


def of(truth: np.ndarray, prediction: np.ndarray) -> Assessment:
    classes = tuple("abcdef"[: prediction.shape[1]])
    return Assessment(
        truth,
        prediction,
        pd.DataFrame(index=range(len(truth))),
        describe("classification", [], classes=classes),
        Resampling(100, 20_000, 0.95, 0),
        None,
    )


def two(rows: int, sharpened: float) -> Assessment:
    """Classes that come true by probabilities that are stated with other odds."""
    generator = np.random.default_rng(5)
    right = generator.random(rows)
    truth = (generator.random(rows) < right).astype(np.int64)
    odds = (right / (1 - right)) ** sharpened
    stated = odds / (1 + odds)
    return of(truth, np.column_stack([1 - stated, stated]))


def test_bins_have_equally_many_rows_and_are_counted_by_hand() -> None:
    stated = np.repeat([0.1, 0.3, 0.6, 0.9], 10)
    met = np.arange(40) % 2 == 0
    met[:10], met[30:] = False, True
    bins = binned(stated, met, ONE)
    assert bins.weight.tolist() == [10, 10, 10, 10]
    assert bins.stated == pytest.approx([0.1, 0.3, 0.6, 0.9])
    assert bins.frequency == pytest.approx([0, 0.5, 0.5, 1])
    assert bins.error == pytest.approx((0.1 + 0.2 + 0.1 + 0.1) / 4)


def test_equal_probabilities_share_a_bin() -> None:
    bins = binned(np.repeat([0.0, 1.0], [35, 5]), np.arange(40) >= 35, ONE)
    assert bins.weight.tolist() == [35, 5]
    assert bins.error == 0
    assert len(binned(np.full(40, 0.5), np.arange(40) < 20, ONE).weight) == 1
    assert len(binned(np.array([0.2]), np.array([True]), np.ones(1)).weight) == 1


def test_of_several_classes_it_is_the_predicted_one() -> None:
    truth = np.array([0, 2, 1])
    prediction = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.0, 0.8, 0.2]])
    stated, met = stated_and_met(truth, prediction)
    assert stated.tolist() == [0.5, 0.6, 0.8]
    assert met.tolist() == [True, False, True]
    assert calibration(of(truth, prediction))["of"] == "the predicted class"
    stated, met = stated_and_met(np.array([1, 0]), np.array([[0.3, 0.7], [0.4, 0.6]]))
    assert (stated.tolist(), met.tolist()) == ([0.7, 0.6], [True, False])


def test_right_probabilities_miss_no_more_than_chance_does_and_sharpened_ones_do() -> None:
    fair, sure = calibration(two(600, 1.0)), calibration(two(600, 3.0))
    assert fair["error"]["value"] < fair["by_chance"]
    assert sure["error"]["value"] > 2 * sure["by_chance"]
    assert fair["brier_score"]["value"] < sure["brier_score"]["value"]
    for found in (fair, sure):
        assert sum(each["rows"] for each in found["bins"]) == 600
        assert all(each["low"] <= each["frequency"] <= each["high"] for each in found["bins"])
        for key in ("error", "brier_score"):
            assert found[key]["low"] < found[key]["value"] < found[key]["high"]
    said = [
        page("calibration.html.j2", evaluation={"calibration": found}) for found in (fair, sure)
    ]
    assert ["Nothing speaks against" in each for each in said] == [True, False]
    assert ["can't be taken at their word" in each for each in said] == [False, True]


def test_the_chance_of_an_error_shrinks_with_the_rows() -> None:
    few, many = calibration(two(100, 1.0)), calibration(two(6400, 1.0))
    assert few["by_chance"] == pytest.approx(8 * many["by_chance"], rel=0.25)
