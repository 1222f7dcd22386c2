"""Intervals hold what they promise, on data whose truth is known."""

import numpy as np
import pytest

from plait.evaluation.intervals import Resampling, resample
from plait.evaluation.metrics import metrics


def mean_error(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(truth - prediction, weights=weights))


def resampling(**changes: float) -> Resampling:
    values = {"resamples": 200, "rows": 20_000, "level": 0.95, "seed": 0}
    return Resampling(**{**values, **changes})  # type: ignore[arg-type]


def coverage(
    there: int, unit: np.ndarray | None = None, spread: float = 0, **changes: float
) -> float:
    """How often the interval of a mean holds the true one, 0, in 300 draws of the data."""
    generator = np.random.default_rng(5)
    held = 0
    for trial in range(300):
        truth = generator.normal(size=there)
        if unit is not None:
            truth += spread * generator.normal(size=unit.max() + 1)[unit]
        samples = resample(
            truth,
            {"model": np.zeros(there)},
            {"error": mean_error},
            resampling(seed=trial, **changes),
            unit,
        )
        interval = samples.interval("model", "error")
        held += interval.low <= 0 <= interval.high
    return held / 300


@pytest.mark.slow
def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    # 300 draws of a share of 0.95 have a standard deviation of 0.013.
    assert 0.91 <= coverage(80, resamples=150) <= 0.985


@pytest.mark.slow
def test_fewer_rows_than_there_are_give_the_same_coverage() -> None:
    assert 0.91 <= coverage(2000, rows=200, resamples=100) <= 0.985


@pytest.mark.slow
def test_rows_that_belong_together_are_drawn_together() -> None:
    unit = np.repeat(np.arange(40), 5)
    assert 0.90 <= coverage(200, unit, spread=2, resamples=100) <= 0.985


def test_taking_rows_that_belong_together_for_independent_ones_claims_too_much() -> None:
    generator = np.random.default_rng(7)
    unit = np.repeat(np.arange(40), 5)
    truth = 2 * generator.normal(size=40)[unit] + generator.normal(size=200)
    widths = []
    for drawn in (unit, None):
        samples = resample(
            truth, {"model": np.zeros(200)}, {"error": mean_error}, resampling(), drawn
        )
        interval = samples.interval("model", "error")
        widths.append(interval.high - interval.low)
    assert widths[0] > 1.5 * widths[1]


def test_a_paired_difference_is_surer_than_its_two_sides() -> None:
    generator = np.random.default_rng(1)
    truth = generator.normal(size=300)
    shared = truth + generator.normal(size=300)
    predictions = {"model": shared, "other": shared + 0.3 * generator.normal(size=300)}
    samples = resample(truth, predictions, {"mse": metrics()["mse"].function}, resampling())
    difference = samples.difference("model", "other", "mse")
    model, other = samples.interval("model", "mse"), samples.interval("other", "mse")
    assert difference.high < 0
    assert model.high > other.low
    assert difference.value == pytest.approx(model.value - other.value)


def test_a_predictor_does_not_differ_from_itself() -> None:
    truth = np.random.default_rng(1).normal(size=50)
    predictions = {"model": truth * 0.5, "other": truth * 0.5}
    samples = resample(truth, predictions, {"mse": metrics()["mse"].function}, resampling())
    difference = samples.difference("model", "other", "mse")
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    truth = np.random.default_rng(1).normal(size=50)

    def interval(seed: int) -> object:
        samples = resample(
            truth, {"model": np.zeros(50)}, {"error": mean_error}, resampling(seed=seed)
        )
        return samples.interval("model", "error")

    assert interval(3) == interval(3) != interval(4)


def test_resamples_without_a_value_are_left_out_and_counted() -> None:
    truth = np.array([0] * 11 + [1])
    probability = np.linspace(0.1, 0.9, 12)[:, None] ** [[1, 2]]
    probability /= probability.sum(axis=1, keepdims=True)
    samples = resample(
        truth, {"model": probability}, {"auc": metrics()["roc_auc"].function}, resampling()
    )
    interval = samples.interval("model", "auc")
    # The single row of class 1 is missing from a resample with probability (11/12)^12 = 0.35.
    assert 40 <= interval.undefined <= 100
    assert interval.low <= interval.value <= interval.high


def test_no_interval_is_claimed_where_most_resamples_have_no_value() -> None:
    def undefined(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> float:
        return 1.0 if len(truth) == 10 else float("nan")

    samples = resample(np.zeros(10), {"model": np.zeros(10)}, {"odd": undefined}, resampling())
    interval = samples.interval("model", "odd")
    assert interval.value == 1
    assert np.isnan(interval.low)
    assert np.isnan(interval.high)
