"""Cross-validation: what each member reaches on its fold, the mean and its standard error."""

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plait.data.dataset import Column
from plait.data.folds import Folds
from plait.evaluation import evaluate as evaluating
from plait.evaluation.cross_validation import corrected
from plait.evaluation.evaluate import evaluate
from plait.evaluation.parts import Parts
from plait.evaluation.report import page
from plait.tracking.record.numbers import final_values

from .conftest import ONE_EPOCH, Case, FakeModel, by_centre, classes_case, settings

ROWS = 300


@pytest.fixture(autouse=True)
def _no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "draw", lambda *given: [])


def folds(repeats: int = 1) -> Folds:
    """Two of each repeat, of unequal size."""
    generator = np.random.default_rng(5)
    first = [(generator.permutation(ROWS) < 100).astype(np.int8) for _ in range(repeats)]
    return Folds(repeats, np.array([roles for one in first for roles in (one, 1 - one)]))


def off(distance: float) -> FakeModel:
    return FakeModel(lambda frame: (3 * frame.x0 - 2 * frame.x1 + 5 + distance).to_numpy())


def validated(case: Case, model: FakeModel, divided: Folds) -> Any:
    return evaluate(
        model,  # type: ignore[arg-type]
        Parts(case.train, case.test, (), divided),
        case.dataset,
        settings(resamples=20, importance={"repeats": 0, "max_rows": 20, "max_columns": 9}),
        case.outputs,
        ONE_EPOCH,
    )


def test_each_member_is_measured_on_what_was_held_out_from_it(linear: Case) -> None:
    model, divided = dataclasses.replace(off(1.0), others=(off(-3.0),)), folds()
    evaluation = validated(linear, model, divided)
    told = evaluation["cross_validation"]
    assert (told["folds"], told["repeats"], told["rows"], told["of"]) == (2, 1, ROWS, ROWS)
    assert [fold["title"] for fold in told["members"]] == ["fold 1 of 2", "fold 2 of 2"]
    assert [(fold["learnt"], fold["held_out"]) for fold in told["members"]] == [
        (200, 100),
        (100, 200),
    ]
    errors = linear.train.y - (3 * linear.train.x0 - 2 * linear.train.x1 + 5)
    expected = [
        ((errors[divided.held_out(0)] - 1) ** 2).mean(),
        ((errors[divided.held_out(1)] + 3) ** 2).mean(),
    ]
    assert [fold["metrics"]["mse"] for fold in told["members"]] == pytest.approx(expected)
    # Nadeau and Bengio, with the mean of 1/2 and 2 rows held out for each that is learnt from.
    error = math.sqrt((1 / 2 + 1.25) * np.var(expected, ddof=1))
    assert told["metrics"]["mse"]["mean"] == pytest.approx(np.mean(expected))
    assert told["metrics"]["mse"]["standard_error"] == pytest.approx(error)

    written = json.loads(linear.outputs["metrics"].read_text())
    assert list(written)[:5] == ["test/mse", "test/rmse", "test/mae", "test/r2", "cv/mse"]
    assert written["cv/mse"] == told["metrics"]["mse"]["mean"]
    assert written["cv_error/mse"] == told["metrics"]["mse"]["standard_error"]
    recorded = final_values(written, evaluation)
    assert [recorded["cv_fold/1"], recorded["cv_fold/2"]] == pytest.approx(expected)
    assert not any(name.startswith("test_member/") for name in recorded)

    shown = " ".join(page("cross_validation.html.j2", evaluation=evaluation).split())
    assert "Fold 2 of 2" in shown
    assert "300 of 300 rows were held out." in shown
    assert f"± {told['metrics']['mse']['standard_error']:.3}" in shown


def test_the_test_part_is_that_of_the_mean_and_no_fold_changes_it(linear: Case) -> None:
    model = dataclasses.replace(off(1.0), others=(off(-1.0),))
    with_folds = validated(linear, model, folds())
    outcome = validated(linear, off(0.0), None)  # type: ignore[arg-type]
    assert with_folds["metrics"] == outcome["metrics"]
    assert outcome["cross_validation"] is None
    assert with_folds["members"] is None


def test_each_row_is_told_with_the_mean_over_repeats_of_who_has_not_seen_it(linear: Case) -> None:
    distances = [1.0, 2.0, 4.0, 8.0]
    first, *others = (off(distance) for distance in distances)
    divided = folds(2)
    validated(linear, dataclasses.replace(first, others=tuple(others)), divided)
    kept = pd.read_parquet(linear.outputs["evaluation"] / "out_of_fold.parquet")
    predictions = pd.read_parquet(linear.outputs["evaluation"] / "predictions.parquet")
    assert list(kept) == list(predictions)
    assert kept.row.tolist() == linear.train.row.tolist()
    assert kept.truth.tolist() == linear.train.y.tolist()
    right = 3 * linear.train.x0 - 2 * linear.train.x1 + 5
    expected = (np.array(distances) @ divided.roles) / 2
    np.testing.assert_allclose(kept.prediction - right, expected, atol=1e-12)


def test_rows_that_nobody_is_measured_on_are_left_out(linear: Case) -> None:
    roles = np.full((2, ROWS), -1, dtype=np.int8)
    roles[0, :100], roles[0, 100:200] = 0, 1
    roles[1, :200], roles[1, 200:] = 0, 1
    model = dataclasses.replace(off(1.0), others=(off(2.0),))
    told = validated(linear, model, Folds(1, roles))["cross_validation"]
    assert (told["rows"], told["of"]) == (200, 300)
    kept = pd.read_parquet(linear.outputs["evaluation"] / "out_of_fold.parquet")
    assert kept.row.tolist() == linear.train.row.tolist()[100:]


def test_rows_count_as_their_weights_say(linear: Case) -> None:
    dataset = dataclasses.replace(
        linear.dataset, columns=(*linear.dataset.columns, Column("w", "weight", "number"))
    )
    case = dataclasses.replace(
        linear,
        dataset=dataset,
        train=linear.train.assign(w=np.arange(ROWS) + 1.0),
        test=linear.test.assign(w=1.0),
    )
    divided = folds()
    told = validated(case, dataclasses.replace(off(1.0), others=(off(1.0),)), divided)
    errors = (linear.train.y - (3 * linear.train.x0 - 2 * linear.train.x1 + 6)).to_numpy() ** 2
    for number, fold in enumerate(told["cross_validation"]["members"]):
        held_out = divided.held_out(number)
        expected = np.average(errors[held_out], weights=np.arange(ROWS)[held_out] + 1)
        assert fold["metrics"]["mse"] == pytest.approx(expected)


def test_of_classes_the_probabilities_are_kept(outputs: Any) -> None:
    case = classes_case(outputs, ("no", "yes"))
    model = dataclasses.replace(FakeModel(by_centre(2)), others=(FakeModel(by_centre(2)),))
    told = validated(case, model, folds())["cross_validation"]
    assert told["metrics"]["accuracy"]["mean"] > 0.9
    kept = pd.read_parquet(outputs["evaluation"] / "out_of_fold.parquet")
    assert list(kept) == ["row", "truth", "prediction", "probability_no", "probability_yes"]
    assert kept.truth.tolist() == case.train.kind.tolist()


def test_a_metric_that_a_fold_does_not_have_has_no_mean() -> None:
    assert corrected([1.0, None, 2.0], 0.5) == {
        "mean": None,
        "standard_error": None,
        "reason": "undefined in 1 of 3 folds",
    }


def test_equal_folds_have_no_error() -> None:
    assert corrected([0.3, 0.3, 0.3], 0.5) == {"mean": 0.3, "standard_error": 0.0}
