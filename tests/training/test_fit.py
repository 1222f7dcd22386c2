"""The fit against references: closed forms, loops by hand, and itself done differently."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from plait.errors import ConfigurationError
from training.fitting import Lab, equal_weights, inputs_and_targets

FULL_BATCH = ("batch_size=800", "trainer.precision=64-true", "optimizer.lr=0.1")


def test_sgd_ends_near_the_closed_form(lab: Lab) -> None:
    sgd = lab.fit("linear_regression").model.coefficients()
    exact = lab.fit("least_squares").model.coefficients()
    assert sgd is not None
    assert exact is not None
    assert sgd.keys() == exact.keys()
    for name, value in exact.items():
        assert sgd[name] == pytest.approx(value, abs=0.02), name


def test_the_curves_are_those_of_gradient_descent_by_hand(lab: Lab) -> None:
    outcome = lab.fit("linear_regression", *FULL_BATCH, "trainer.max_epochs=6")
    X, y = inputs_and_targets(outcome, outcome.data.train)
    X = np.column_stack([X, np.ones(len(X))])
    torch.manual_seed(0)
    initial = torch.nn.Linear(4, 1)  # the same draws as the model's only layer
    weights = np.append(initial.weight.detach().numpy(), initial.bias.detach().numpy()).astype(
        np.float64
    )
    losses = []
    for _ in range(6):
        residuals = X @ weights - y
        losses.append(float(np.mean(residuals**2)))
        weights -= 0.1 * 2 * X.T @ residuals / len(y)
    assert outcome.curve("train/loss") == pytest.approx(losses, rel=1e-7)
    assert outcome.curve("epoch") == list(range(6))
    assert outcome.curve("train/lr") == [0.1] * 6
    assert outcome.weights["0.weight"][0] == pytest.approx(weights[:-1], rel=1e-10)


@pytest.mark.parametrize("rows_at_once", [7, 4096])
def test_the_validation_loss_is_exact_at_any_batch_size(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr("plait.models.networks.EVALUATION_ROWS", rows_at_once)
    outcome = lab.fit(
        "linear_regression",
        *("data.split.val=0.11", "trainer.max_epochs=2", "trainer.precision=64-true"),
    )
    assert outcome.data.val is not None
    assert len(outcome.data.val) % 7
    errors = outcome.model.predict(outcome.data.val) - outcome.data.val["y"].to_numpy()
    assert outcome.curve("val/loss")[-1] == pytest.approx(np.mean(errors**2), rel=1e-7)


def test_the_accuracy_logged_is_that_of_the_predictions(lab: Lab) -> None:
    outcome = lab.fit("breast_cancer", "callbacks=[]", "trainer.max_epochs=2")
    best = min(outcome.curves, key=lambda row: row["val/loss"])
    frame = outcome.data.val
    assert frame is not None
    _, classes = inputs_and_targets(outcome, frame)
    hits = outcome.model.predict(frame).argmax(-1) == classes
    assert best["val/accuracy"] == pytest.approx(hits.mean())


@pytest.mark.slow
def test_with_a_validation_part_the_best_epoch_is_the_model(lab: Lab) -> None:
    # Overfits: the validation loss falls, then rises.
    overrides = ("optimizer.lr=0.03", "model.dropout=0.0", "callbacks=[]")
    long = lab.fit("breast_cancer", *overrides, "trainer.max_epochs=12")
    losses = long.curve("val/loss")
    best = losses.index(min(losses))
    assert best < 11
    short = lab.fit("breast_cancer", *overrides, f"trainer.max_epochs={best + 1}")
    assert equal_weights(long, short)


def test_without_one_the_last_epoch_is_the_model(lab: Lab) -> None:
    outcome = lab.fit("linear_regression", *FULL_BATCH, "trainer.max_epochs=3")
    assert "val/loss" not in outcome.curves[0]
    errors = outcome.model.predict(outcome.data.train) - outcome.data.train["y"].to_numpy()
    following = lab.fit("linear_regression", *FULL_BATCH, "trainer.max_epochs=4")
    # The loss of an epoch of one batch is that of the weights it begins with.
    assert following.curve("train/loss")[3] == pytest.approx(np.mean(errors**2), rel=1e-7)


def test_early_stopping_waits_as_long_as_it_says(lab: Lab) -> None:
    outcome = lab.fit(
        "breast_cancer",
        *("optimizer.lr=0.03", "callbacks=[early_stopping]", "trainer.max_epochs=60"),
        "callbacks.early_stopping.patience=3",
    )
    losses = outcome.curve("val/loss")
    assert len(losses) == losses.index(min(losses)) + 1 + 3 < 60


def test_gradients_are_clipped_to_their_norm(lab: Lab) -> None:
    def after_steps(steps: int, *overrides: str) -> np.ndarray:
        outcome = lab.fit(
            "linear_regression", "optimizer.lr=0.5", f"trainer.max_steps={steps}", *overrides
        )
        return np.append(outcome.weights["0.weight"], outcome.weights["0.bias"])

    for clip in (None, 0.25):
        override = f"trainer.gradient_clip={'null' if clip is None else clip}"
        step = np.linalg.norm(after_steps(2, override) - after_steps(1, override))
        if clip is None:
            assert step > 1
        else:
            assert step == pytest.approx(0.5 * clip, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_accumulated_micro_batches_are_the_full_batch(lab: Lab, optimizer: str) -> None:
    # 81 rows to train on: the last batch of an epoch has 17 of 32, its last piece one.
    overrides = (
        *("data.samples=101", "data.split.test=0.2", "trainer.precision=64-true"),
        *(f"optimizer={optimizer}", "optimizer.lr=0.05", "schedule=cosine"),
        *("model=mlp", "model.hidden_sizes=[8]", "trainer.gradient_clip=5", "trainer.max_epochs=4"),
    )
    whole = lab.fit("linear_regression", *overrides)
    assert len(whole.data.train) % 32 == 17
    pieces = lab.fit("linear_regression", *overrides, "trainer.micro_batch_size=8")
    for key, value in whole.weights.items():
        assert pieces.weights[key] == pytest.approx(value, rel=1e-10, abs=1e-12), key
    assert pieces.curve("train/loss") == pytest.approx(whole.curve("train/loss"), rel=1e-7)
    assert pieces.curve("train/lr") == whole.curve("train/lr")


@pytest.mark.slow
def test_ten_rows_are_learnt_by_heart(lab: Lab) -> None:
    outcome = lab.fit(
        "digits",
        *("trainer.overfit_rows=10", "data.split.val=0", "trainer.max_epochs=100"),
        *("optimizer.lr=0.01", "model.dropout=0"),
    )
    ten = outcome.data.train.iloc[:10]
    _, classes = inputs_and_targets(outcome, ten)
    assert np.array_equal(outcome.model.predict(ten).argmax(-1), classes)
    assert outcome.curve("train/accuracy")[-1] == 1
    assert outcome.curve("train/loss")[-1] < 0.01


@pytest.mark.parametrize("name", ["linear_regression", "market"])
def test_max_steps_ends_in_the_middle_of_an_epoch_with_a_validation(lab: Lab, name: str) -> None:
    outcome = lab.fit(name, "trainer.max_steps=2")
    assert len(outcome.curves) == 1
    assert ("val/loss" in outcome.curves[0]) == (outcome.data.val is not None)


def test_the_last_row_of_curves_holds_no_value_of_an_earlier_epoch(lab: Lab) -> None:
    outcome = lab.fit("breast_cancer", "trainer.max_steps=15", "trainer.max_epochs=null")
    assert outcome.data.val is not None
    assert len(outcome.curves) == 2  # of 11 or 12 steps
    assert outcome.curve("val/loss")[0] != outcome.curve("val/loss")[1]


def test_max_steps_alone_is_an_end(lab: Lab) -> None:
    outcome = lab.fit("linear_regression", "trainer.max_epochs=null", "trainer.max_steps=60")
    assert len(outcome.curves) == 3  # of 25 steps


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_other_precisions_train_save_and_predict(lab: Lab, tmp_path: Path, precision: str) -> None:
    outcome = lab.fit("diabetes", f"trainer.precision={precision}", "trainer.max_epochs=5")
    plain = lab.fit("diabetes", "trainer.max_epochs=5")
    assert outcome.curve("train/loss") == pytest.approx(plain.curve("train/loss"), rel=0.05)
    assert outcome.curve("train/loss") != plain.curve("train/loss")
    outcome.model.save(tmp_path)
    again = type(outcome.model).load(tmp_path)
    assert np.array_equal(
        again.predict(outcome.data.train), outcome.model.predict(outcome.data.train)
    )


KEEP = ("breast_cancer", "callbacks=[]", "trainer.max_epochs=6", "optimizer.lr=0.05", "seed=3")


@pytest.mark.parametrize(
    ("keep", "key", "best"),
    [("lowest_loss", "val/loss", min), ("highest_accuracy", "val/accuracy", max)],
)
def test_the_epoch_that_is_kept_is_the_best_by_what_was_chosen(
    lab: Lab, keep: str, key: str, best: Callable[[list[float]], float]
) -> None:
    outcome = lab.fit(*KEEP, f"trainer.select_checkpoint={keep}")
    values = outcome.curve(key)
    epoch = values.index(best(values))
    shorter = lab.fit(*KEEP, "trainer.select_checkpoint=last", f"trainer.max_epochs={epoch + 1}")
    assert equal_weights(outcome, shorter)


def test_a_regression_has_no_accuracy_to_keep_an_epoch_by(lab: Lab) -> None:
    with pytest.raises(ConfigurationError, match="highest_accuracy, which a regression has not"):
        lab.resolved("linear_regression", "trainer.select_checkpoint=highest_accuracy")
