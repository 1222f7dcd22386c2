"""Metrics against values worked out by hand, and against resampled rows."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as library

from plait.errors import ConfigurationError
from plait.evaluation.metrics import default_of_task, metric, metrics, of_task
from plait.evaluation.metrics.quantiles_and_counts import PERCENTS
from plait.evaluation.settings import check

from .conftest import settings

ONE = np.ones(4)
TRUTH = np.array([1.0, 2.0, 3.0, 6.0])
PREDICTION = np.array([1.0, 3.0, 1.0, 7.0])  # errors 0, -1, 2, -1; variance of the truth 3.5

CLASS = np.array([0, 0, 0, 1])
# Predicted 0, 0, 1, 1: class 0 found 2 of 3, never wrongly; class 1 found 1 of 1, once wrongly.
PROBABILITY = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])

BY_HAND = {
    "mse": 6 / 4,
    "rmse": 1.5**0.5,
    "mae": 4 / 4,
    "r2": 1 - 1.5 / 3.5,
    # 2 q for the truth above, 1 - q for each of two below.
    **{f"pinball_loss_{percent}": 2 / 4 for percent in PERCENTS},
    "poisson_deviance": 2 * (2 * np.log(2 / 3) + 3 * np.log(3) + 6 * np.log(6 / 7)) / 4,
    "accuracy": 3 / 4,
    "balanced_accuracy": (2 / 3 + 1) / 2,
    "precision_macro": (1 + 1 / 2) / 2,
    "recall_macro": (2 / 3 + 1) / 2,
    "f1_macro": (4 / 5 + 2 / 3) / 2,
    "roc_auc": 1.0,
    "log_loss": -np.log([0.9, 0.6, 0.3, 0.8]).mean(),
    # Taken as what the answer to each row costs if a class is so.
    "mean_cost": (0.9 + 0.6 + 0.3 + 0.8) / 4,
    "brier_score": (0.1**2 + 0.4**2 + 0.7**2 + 0.2**2) / 4,
    # One bin: 0.5 on average, and one row in four.
    "expected_calibration_error": 0.5 - 1 / 4,
}

SETS = np.array([[1, 1], [0, 1], [0, 0], [1, 0]])
# Class 0: found 1 of 2, never wrongly. Class 1: found 2 of 2, once wrongly. Three rows whole.
EACH = np.array([[0.9, 0.6], [0.2, 0.5], [0.1, 0.3], [0.4, 0.7]])

BY_HAND_OF_SETS = {
    "accuracy": 3 / 4,
    "precision_macro": (1 + 2 / 3) / 2,
    "recall_macro": (1 / 2 + 1) / 2,
    "f1_macro": (2 / 3 + 4 / 5) / 2,
    "f1_micro": 2 * 3 / (4 + 4),
    "hamming_loss": 2 / 8,
    "roc_auc": (1 + 2 / 4) / 2,
    "log_loss": -np.log([0.9, 0.6, 0.8, 0.5, 0.9, 0.7, 0.4, 0.3]).mean(),
}


@pytest.mark.parametrize(("name", "value"), BY_HAND.items())
def test_a_metric_has_the_value_worked_out_by_hand(name: str, value: float) -> None:
    item = metrics()[name]
    arrays = (TRUTH, PREDICTION) if "regression" in item.tasks else (CLASS, PROBABILITY)
    assert item.function(*arrays, ONE) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("name", "value"), BY_HAND_OF_SETS.items())
def test_a_metric_of_several_classes_too(name: str, value: float) -> None:
    assert metrics()[name].function(SETS, EACH, ONE) == pytest.approx(value, rel=1e-12)


def test_every_shipped_metric_is_checked_by_hand() -> None:
    assert set(metrics()) == {*BY_HAND, *BY_HAND_OF_SETS, "directional_accuracy"}
    assert set(of_task("multilabel")) == set(BY_HAND_OF_SETS)


def test_a_metric_of_rows_is_their_weighted_mean() -> None:
    generator = np.random.default_rng(0)
    weights = generator.random(30)
    numbers, guesses = generator.normal(size=(2, 30))
    probabilities = generator.dirichlet(np.ones(3), 30)
    of_task = {
        "regression": (numbers, guesses),
        "classification": (generator.integers(3, size=30), probabilities),
        "multilabel": (generator.integers(2, size=(30, 3)), probabilities),
    }
    met = set()
    for item in metrics().values():
        for task in item.tasks if item.of_rows is not None else ():
            values = item.of_rows(*of_task[task])
            assert values.shape == (30,)
            mean = (weights * values).sum() / weights.sum()
            assert mean == pytest.approx(item.function(*of_task[task], weights), rel=1e-12)
            met.add(item.name)
    assert met == {
        *("mse", "mae", "accuracy", "log_loss", "brier_score", "hamming_loss", "mean_cost"),
    }


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum")
def test_losses_of_probabilities_are_those_of_the_library() -> None:
    generator = np.random.default_rng(0)
    for classes in (2, 3):
        truth = generator.integers(classes, size=50)
        probability = generator.dirichlet(np.full(classes, 0.2), 50)
        probability[0] = np.eye(classes)[truth[0] - 1]  # as wrong as can be
        weights = generator.integers(1, 4, 50).astype(float)
        given = {"sample_weight": weights, "labels": range(classes)}
        for name, theirs in {
            "log_loss": library.log_loss(truth, probability, **given),
            "brier_score": library.brier_score_loss(truth, probability, **given),
        }.items():
            ours = metrics()[name].function(truth, probability, weights)
            assert ours == pytest.approx(theirs, rel=1e-12), (name, classes)


@pytest.mark.parametrize("digits", [1, 12])
@pytest.mark.parametrize("classes", [2, 3])
def test_areas_are_those_of_the_library(classes: int, digits: int) -> None:
    """With equal probabilities and without; of classes that exclude each other, and of several."""
    generator = np.random.default_rng(0)
    truth = generator.integers(classes, size=60)
    probability = generator.dirichlet(np.full(classes, 0.5), 60).round(digits)
    weights = generator.integers(1, 4, 60).astype(float)
    each = [
        library.roc_auc_score(truth == number, probability[:, number], sample_weight=weights)
        for number in range(classes)
    ]
    area = metrics()["roc_auc"].function
    exclusive = each[1] if classes == 2 else np.mean(each)
    assert area(truth, probability, weights) == pytest.approx(exclusive, rel=1e-12)
    both = np.eye(classes, dtype=int)[truth]
    assert area(both, probability, weights) == pytest.approx(np.mean(each), rel=1e-12)


def test_scores_of_several_classes_are_those_of_the_library() -> None:
    generator = np.random.default_rng(0)
    for rows in (1, 3, 40):
        truth = generator.integers(2, size=(rows, 4))
        probability = generator.random((rows, 4))
        weights = generator.integers(1, 4, rows).astype(float)
        # Macro means are over the classes that occur or are predicted.
        met = (truth.any(axis=0)) | (probability >= 0.5).any(axis=0)
        for name, average in (("f1_macro", "macro"), ("f1_micro", "micro")):
            expected = library.f1_score(
                truth[:, met],
                probability[:, met] >= 0.5,
                average=average,
                sample_weight=weights,
                zero_division=0,
            )
            measured = metrics()[name].function(truth, probability, weights)
            assert measured == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("percent", PERCENTS)
def test_pinball_losses_are_those_of_the_library(percent: int) -> None:
    generator = np.random.default_rng(1)
    truth, prediction = generator.normal(size=(2, 30))
    weights = generator.integers(1, 4, 30).astype(float)
    expected = library.mean_pinball_loss(
        truth, prediction, sample_weight=weights, alpha=percent / 100
    )
    measured = metrics()[f"pinball_loss_{percent}"].function(truth, prediction, weights)
    assert measured == pytest.approx(expected, rel=1e-12)


def test_the_deviance_of_counts_is_that_of_the_library_or_undefined() -> None:
    generator = np.random.default_rng(1)
    truth, prediction = generator.poisson(1.0, 30).astype(float), generator.random(30) + 0.1
    weights = generator.integers(1, 4, 30).astype(float)
    function = metrics()["poisson_deviance"].function
    expected = library.mean_poisson_deviance(truth, prediction, sample_weight=weights)
    assert (truth == 0).any()
    assert function(truth, prediction, weights) == pytest.approx(expected, rel=1e-12)
    assert np.isnan(function(truth, prediction - 0.2, weights))
    assert np.isnan(function(truth - 1, prediction, weights))


def test_metrics_of_quantiles_and_counts_are_computed_where_they_are_asked_for() -> None:
    assert set(default_of_task("regression")) == {
        "mse",
        "rmse",
        "mae",
        "r2",
        "directional_accuracy",
    }
    assert {"pinball_loss_90", "poisson_deviance"} <= of_task("regression").keys()


def test_what_cannot_be_said_of_several_classes_is_undefined() -> None:
    none, zeros = np.zeros((3, 2), dtype=int), np.zeros((3, 2))
    assert np.isnan(metrics()["roc_auc"].function(none, zeros, np.ones(3)))
    assert np.isnan(metrics()["f1_micro"].function(none, zeros, np.ones(3)))


def test_direction_is_judged_where_something_moved() -> None:
    function = metrics()["directional_accuracy"].function
    truth, prediction = np.array([0.1, -0.2, 0.0, 0.3, 0.4]), np.array([0.5, 0.1, 1.0, 0.0, 0.1])
    assert function(truth, prediction, np.ones(5)) == 2 / 4
    assert np.isnan(function(np.zeros(3), np.ones(3), np.ones(3)))
    assert np.isnan(function(np.ones(3), np.zeros(3), np.ones(3)))


@pytest.mark.slow
def test_numbers_are_measured_to_the_last_digit_as_the_library_does() -> None:
    theirs = {
        "mse": library.mean_squared_error,
        "rmse": library.root_mean_squared_error,
        "mae": library.mean_absolute_error,
        "r2": library.r2_score,
    }
    generator = np.random.default_rng(0)
    for trial in range(400):
        rows = int(generator.integers(2, 3000 if trial % 2 else 20))
        scale, error = 10.0 ** generator.integers(-6, 7), 10.0 ** generator.integers(-8, 2)
        truth = 7 * scale + scale * generator.normal(size=rows)
        near = truth + scale * error * generator.normal(size=rows)
        weights = generator.integers(1, 6, rows).astype(float)
        for prediction in (near, np.full(rows, truth.mean()), truth):
            for name, function in theirs.items():
                measured = metrics()[name].function(truth, prediction, weights)
                assert measured == function(truth, prediction, sample_weight=weights), name


@pytest.mark.parametrize("classes", [2, 4])
def test_a_weight_counts_a_row_as_often_as_it_says(classes: int) -> None:
    generator = np.random.default_rng(0)
    weights = generator.integers(1, 4, 40)
    number = generator.integers(classes, size=40)
    probability = generator.dirichlet(np.ones(classes), 40)
    value, guess = generator.normal(size=(2, 40))
    sets = generator.integers(2, size=(40, classes))
    for item in metrics().values():
        arrays = {
            "regression": (value, guess),
            "classification": (number, probability),
            "multilabel": (sets, probability),
        }[item.tasks[-1]]
        if item.name == "poisson_deviance":
            arrays = (np.abs(value), np.abs(guess))
        repeated = (np.repeat(array, weights, axis=0) for array in arrays)
        once = item.function(*arrays, weights.astype(float))
        assert once == pytest.approx(item.function(*repeated, np.ones(weights.sum())), rel=1e-9), (
            item.name
        )


@pytest.mark.filterwarnings("ignore:y_pred contains classes", "ignore:A single label")
def test_scores_from_one_confusion_matrix_are_those_of_the_library() -> None:
    generator = np.random.default_rng(0)
    for trial in range(60):
        # Few rows of many classes: some never occur, some are never predicted, some neither.
        truth = generator.integers(5, size=1 + trial // 4)
        probability = generator.dirichlet(np.ones(5), len(truth))
        weights = generator.integers(1, 4, len(truth)).astype(float)
        label = probability.argmax(axis=1)
        precision, recall, f1, _ = library.precision_recall_fscore_support(
            truth, label, average="macro", sample_weight=weights, zero_division=0
        )
        balanced = library.balanced_accuracy_score(truth, label, sample_weight=weights)
        for name, expected in {
            "precision_macro": precision,
            "recall_macro": recall,
            "f1_macro": f1,
            "balanced_accuracy": balanced,
        }.items():
            value = metrics()[name].function(truth, probability, weights)
            assert value == pytest.approx(expected, rel=1e-12), (name, trial)


def test_what_is_undefined_is_nan_and_no_warning() -> None:
    assert np.isnan(metrics()["r2"].function(np.ones(3), np.arange(3.0), np.ones(3)))
    area = metrics()["roc_auc"].function
    assert np.isnan(area(np.zeros(4, int), PROBABILITY, ONE))
    three = np.full((4, 3), 1 / 3)
    assert np.isnan(area(np.array([0, 1, 0, 1]), three, ONE))
    balanced = metrics()["balanced_accuracy"].function
    assert balanced(np.zeros(4, int), np.array([[0.9, 0.1]] * 4), ONE) == 1
    assert balanced(np.zeros(4, int), PROBABILITY, ONE) == 0.5


def test_a_class_that_is_never_predicted_has_precision_zero() -> None:
    always = np.array([[0.9, 0.1]] * 4)
    assert metrics()["precision_macro"].function(CLASS, always, ONE) == (3 / 4 + 0) / 2


def test_the_first_metric_of_a_task_is_its_primary_one() -> None:
    assert next(iter(of_task("regression"))) == "mse"
    assert next(iter(of_task("classification"))) == "accuracy"
    assert list(default_of_task("regression"))[-1] == "directional_accuracy"


def test_two_metrics_of_one_name_are_refused() -> None:
    def mse(truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> float:
        return 0.0

    with pytest.raises(ValueError, match=r"metric 'mse' is in both plait\.evaluation"):
        metric(task="regression", direction="minimize", title="Another")(mse)


def test_a_metric_that_does_not_fit_the_task_is_refused() -> None:
    with pytest.raises(ConfigurationError) as error:
        check(settings(metrics=["mse", "f1_macro"]), "regression")
    assert str(error.value) == (
        "evaluation.metrics: 'f1_macro' is a classification or multilabel metric, but the"
        " task is regression;\n"
        "for regression: mse, rmse, mae, r2, directional_accuracy, pinball_loss_1, pinball_loss_5,"
        " pinball_loss_10, pinball_loss_25, pinball_loss_50, pinball_loss_75, pinball_loss_90,"
        " pinball_loss_95, pinball_loss_99, poisson_deviance"
    )
    check(settings(metrics=["f1_macro"]), "classification")
    check(settings(), "regression")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["f1_makro"], r"; did you mean 'f1_macro'\? There are: mse, rmse"),
        (["mse", "mse"], "listed twice"),
        ([], "at least 1 item"),
    ],
)
def test_a_list_of_metrics_that_makes_no_sense_is_refused(names: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        settings(metrics=names)


def test_compose_can_import_the_settings_without_heavy_packages() -> None:
    code = (
        "import sys, plait.evaluation.settings as s; s.metrics();"
        "print({'numpy', 'sklearn', 'pandas', 'matplotlib', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
