"""Answers by what wrong ones cost."""

import json

import numpy as np
import pytest

from plait.calibration.deciding import NEVER, CostDecision, best_threshold
from plait.calibration.decision import Settings, matrix_of
from plait.errors import UserError


def mean_cost(decision: CostDecision, stated: np.ndarray, truth: np.ndarray) -> float:
    return float(decision.costs[truth, decision.numbers(stated)].mean())


@pytest.mark.parametrize("costs", [(1.0, 1.0), (1.0, 10.0), (7.0, 0.5), (0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("seed", range(4))
def test_no_threshold_costs_less(costs: tuple[float, float], seed: int) -> None:
    random = np.random.default_rng(seed)
    # Few distinct probabilities, so that many rows share one.
    second = random.integers(0, 9, 60) / 8
    truth = (random.random(60) < second).astype(np.int64)
    matrix = np.array([[0.0, costs[0]], [costs[1], 0.0]])
    stated = np.stack([1 - second, second], axis=1)
    threshold = best_threshold(second, truth, np.ones(60), matrix)
    found = mean_cost(CostDecision(matrix, threshold), stated, truth)
    every = [CostDecision(matrix, each) for each in (*np.linspace(0, 1, 33), NEVER)]
    assert found == pytest.approx(min(mean_cost(each, stated, truth) for each in every))


def test_of_equally_good_thresholds_it_is_the_one_of_right_probabilities() -> None:
    second, truth = np.array([0.05, 0.15, 0.25, 0.9]), np.array([0, 0, 0, 1])
    matrix = np.array([[0.0, 1.0], [4.0, 0.0]])
    # Between 0.25 and 0.9 all answers are right; 1 / (1 + 4) lies below.
    assert best_threshold(second, truth, np.ones(4), matrix) == pytest.approx(0.575)
    # Where no threshold makes a difference, 0.2 is between the rows around it.
    free = np.zeros(4)
    assert best_threshold(second, truth, free + 1, matrix * 0) == pytest.approx(0.575)
    assert best_threshold(second, truth * 0 + 1, np.ones(4), matrix) == 0.0


def test_a_weight_moves_the_threshold() -> None:
    second, truth = np.array([0.2, 0.4, 0.6, 0.8]), np.array([0, 1, 0, 1])
    matrix = 1 - np.eye(2)
    assert best_threshold(second, truth, np.array([1.0, 9, 1, 1]), matrix) == pytest.approx(0.3)
    assert best_threshold(second, truth, np.array([1.0, 1, 9, 1]), matrix) == pytest.approx(0.7)


def test_of_more_classes_the_cheapest_answer_is_given() -> None:
    costs = matrix_of({"c": {"a": 20, "b": 20}}, ("a", "b", "c"))
    stated = np.random.default_rng(0).dirichlet(np.ones(3), 200)
    said = CostDecision(costs, None).numbers(stated)
    expected = [[row @ costs[:, answer] for answer in range(3)] for row in stated]
    assert (said == np.argmin(expected, axis=1)).all()
    assert (said != stated.argmax(axis=1)).sum() > 20
    assert (CostDecision(1 - np.eye(3), None).numbers(stated) == stated.argmax(axis=1)).all()


def test_it_is_kept_to_the_last_digit() -> None:
    decision = CostDecision(np.array([[0, 0.1], [7, 0]]), 1 / 3)
    kept = CostDecision.from_json(json.loads(json.dumps(decision.to_json())))
    assert kept.threshold == decision.threshold
    assert (kept.costs == decision.costs).all()


def test_costs_that_are_not_named_are_one() -> None:
    costs = matrix_of({"no": {"yes": 3}}, ("no", "yes"))
    assert costs.tolist() == [[0, 3], [1, 0]]


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        (
            {"malignent": {"benign": 5}},
            "'malignent' is no class of the data set; did you mean 'mal",
        ),
        ({"malignant": {"bening": 5}}, "'bening' is no class of the data set; did you mean 'ben"),
        ({"True": {"benign": 5}}, "YAML takes a bare yes, no, true or false for no text: quote it"),
    ],
)
def test_a_name_of_no_class_is_named_with_those_there_are(
    costs: dict[str, dict[str, float]], said: str
) -> None:
    with pytest.raises(UserError) as error:
        matrix_of(costs, ("malignant", "benign"))
    assert said in str(error.value)
    assert "the classes are malignant, benign" in str(error.value)


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ({"a": {"b": -1.0}}, "a answered as b costs -1.0; must be 0 or more"),
        ({"a": {"a": 1.0}}, "a answered as a is right, and costs nothing"),
        ({}, "names no cost"),
        ({"a": {}}, "names no cost"),
    ],
)
def test_costs_that_make_no_sense_are_refused(
    costs: dict[str, dict[str, float]], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(costs=costs)
