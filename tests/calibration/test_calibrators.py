"""Temperature scaling and isotonic regression, on probabilities whose fault is known."""

import json
from types import ModuleType

import numpy as np
import pytest
from scipy.special import expit, softmax

from plait.calibration.base import Calibrator
from plait.calibration.methods import isotonic, temperature
from plait.errors import UserError
from plait.evaluation.metrics.classification import log_losses

KINDS = ("a", "b", "c")


def exclusive(rows: int = 4000, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Right probabilities, and the classes that they came to."""
    random = np.random.default_rng(0)
    right = softmax(random.normal(scale=1.5, size=(rows, classes)), axis=1)
    truth = (random.random(rows)[:, None] > right.cumsum(axis=1)).sum(axis=1)
    return right, truth


def overstated(right: np.ndarray, by: float) -> np.ndarray:
    sharp: np.ndarray = right**by / (right**by).sum(axis=1, keepdims=True)
    return sharp


def fitted(
    module: ModuleType, stated: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> Calibrator:
    given = np.ones(len(stated)) if weights is None else weights
    found = module.fit(stated, truth, given, KINDS[: stated.shape[1]])
    assert isinstance(found, Calibrator)
    return found


def test_the_temperature_that_spoiled_probabilities_is_found() -> None:
    right, truth = exclusive()
    for by in (0.5, 3.0):
        found = fitted(temperature, overstated(right, by), truth)
        assert isinstance(found, temperature.Temperature)
        assert found.values[0] == pytest.approx(by, rel=0.06)
        assert abs(found(overstated(right, by)) - right).max() < 0.03


def test_no_other_temperature_is_likelier_and_the_order_of_classes_stays() -> None:
    right, truth = exclusive()
    stated = overstated(right, 2.0)
    found = fitted(temperature, stated, truth)
    assert isinstance(found, temperature.Temperature)
    least = log_losses(truth, found(stated)).mean()
    for near in (0.99, 1.01):
        other = temperature.Temperature((found.values[0] * near,), False)
        assert log_losses(truth, other(stated)).mean() > least
    assert (found(stated).argsort(axis=1) == stated.argsort(axis=1)).all()


def test_probabilities_of_nought_and_one_become_what_is_met() -> None:
    truth = np.arange(400) % 2
    said = truth.copy()
    said[:40] = 1 - said[:40]
    stated = np.eye(2)[said]
    calibrated = fitted(temperature, stated, truth)(stated)
    assert calibrated.max(axis=1) == pytest.approx(0.9)


def test_rows_that_are_all_answered_rightly_end_at_the_coldest() -> None:
    truth = np.arange(50) % 2
    stated = np.where(np.eye(2, dtype=bool)[truth], 0.7, 0.3)
    found = fitted(temperature, stated, truth)
    assert isinstance(found, temperature.Temperature)
    assert found.values == (temperature.COLDEST,)


def test_each_of_several_classes_has_its_own_temperature() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(scale=2, size=(4000, 2))
    truth = (random.random(logits.shape) < expit(logits)).astype(np.int64)
    found = fitted(temperature, expit(logits * (1, 3)), truth)
    assert isinstance(found, temperature.Temperature)
    assert found.values == pytest.approx((1, 3), rel=0.1)


@pytest.mark.parametrize("classes", [2, 3])
def test_isotonic_probabilities_come_true_and_add_up(classes: int) -> None:
    right, truth = exclusive(classes=classes)
    stated = overstated(right, 3.0)
    calibrated = fitted(isotonic, stated, truth)(stated)
    assert calibrated.sum(axis=1) == pytest.approx(1)
    assert abs(calibrated - right).mean() < abs(stated - right).mean() / 3
    rising = calibrated[stated[:, 1].argsort(), 1]
    assert classes > 2 or (np.diff(rising) >= 0).all()


def test_isotonic_curves_of_several_classes_stand_alone() -> None:
    random = np.random.default_rng(1)
    probabilities = random.random((3000, 2))
    truth = (random.random((3000, 2)) < probabilities**2).astype(np.int64)
    calibrated = fitted(isotonic, probabilities, truth)(probabilities)
    assert abs(calibrated - probabilities**2).mean() < 0.03


def test_where_every_class_becomes_nought_each_is_as_likely() -> None:
    none = (np.array([0.0, 1.0]), np.array([0.0, 0.0]))
    calibrated = isotonic.Isotonic((none, none, none), False)(np.full((2, 3), 1 / 3))
    assert (calibrated == 1 / 3).all()


def test_isotonic_refuses_a_class_that_no_row_has() -> None:
    right, truth = exclusive()
    with pytest.raises(UserError, match=r"no row of the calibration part has the class 'c'"):
        fitted(isotonic, right[truth < 2], truth[truth < 2])


@pytest.mark.parametrize("module", [temperature, isotonic])
@pytest.mark.parametrize("several", [False, True])
def test_a_weight_of_two_is_a_row_twice_and_what_is_kept_is_the_same(
    module: ModuleType, several: bool
) -> None:
    right, numbers = exclusive(rows=200)
    truth = np.eye(3, dtype=np.int64)[numbers] if several else numbers
    weights = 1.0 + np.arange(200) % 2
    twice = np.repeat(np.arange(200), weights.astype(int))
    weighted = fitted(module, right, truth, weights)
    assert weighted(right) == pytest.approx(fitted(module, right[twice], truth[twice])(right))
    assert abs(weighted(right) - fitted(module, right, truth)(right)).max() > 1e-4
    kept = module.read(json.loads(json.dumps(weighted.to_json())))
    assert (kept(right) == weighted(right)).all()
