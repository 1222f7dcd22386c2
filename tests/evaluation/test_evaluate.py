"""The whole evaluation: exact and honest."""

import dataclasses
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plait.errors import ConfigurationError, UserError
from plait.evaluation import evaluate as evaluating
from plait.evaluation.closed_form import closed_form
from plait.evaluation.evaluate import predict
from plait.workspace import Outputs

from .conftest import Case, FakeModel, by_centre, classes_case, constant, run, true_model


@pytest.fixture(autouse=True)
def _no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots have tests of their own and take most of the time."""
    monkeypatch.setattr(evaluating, "draw", lambda *given: [])


@pytest.mark.parametrize("rows", [1, 7, 119, 120, 500])
def test_predictions_are_equal_at_any_chunk_size(linear: Case, rows: int) -> None:
    model: Any = true_model()
    np.testing.assert_array_equal(
        predict(model, linear.test, linear.dataset, rows), model.predict(linear.test)
    )


def test_the_numbers_are_of_all_test_rows(linear: Case) -> None:
    run(linear, true_model())
    kept = pd.read_parquet(linear.outputs["evaluation"] / "predictions.parquet")
    assert kept.row.tolist() == linear.test.row.tolist()
    error = kept.truth - kept.prediction
    written = json.loads(linear.outputs["metrics"].read_text())
    assert list(written) == ["test/mse", "test/rmse", "test/mae", "test/r2"]
    assert written["test/mse"] == pytest.approx((error**2).mean(), rel=1e-7)
    assert written["test/mae"] == pytest.approx(error.abs().mean(), rel=1e-7)


def test_the_file_holds_what_is_returned(linear: Case) -> None:
    evaluation = run(linear, true_model())
    assert json.loads((linear.outputs["evaluation"] / "evaluation.json").read_text()) == evaluation


def test_metrics_that_are_asked_for_are_computed_where_they_are_listed_alone(
    outputs: Outputs,
) -> None:
    case, model = classes_case(outputs, ("no", "yes")), FakeModel(by_centre(2))
    assert "brier_score" not in run(case, model, resamples=20)["metrics"]
    listed = ["expected_calibration_error", "brier_score"]
    evaluation = run(case, model, resamples=20, metrics=listed)
    assert list(evaluation["metrics"]) == listed
    for name, key in (("brier_score", "brier_score"), ("expected_calibration_error", "error")):
        said = evaluation["calibration"][key]
        assert said == {end: evaluation["metrics"][name][end] for end in ("value", "low", "high")}


def test_a_good_model_is_called_better_and_compared_with_the_closed_form(linear: Case) -> None:
    evaluation = run(linear, true_model())
    assert evaluation["verdict"]["better_than_naive"]
    assert evaluation["verdict"]["text"].startswith("Better than predicting the training mean.")
    assert "no difference from the closed form" in evaluation["verdict"]["text"]
    assert not evaluation["baselines"]["closed_form"]["naive"]
    row = evaluation["coefficients"][0]
    assert (row["name"], row["fitted"], row["true"]) == ("x0", 3.0, 3.0)
    assert row["closed_form"] == pytest.approx(3, abs=0.2)


def test_a_model_worse_than_the_mean_is_called_that(linear: Case) -> None:
    verdict = run(linear, constant(100.0))["verdict"]
    assert not verdict["better_than_naive"]
    assert verdict["text"].startswith("Not better than predicting the training mean.")
    assert "says that the model is worse" in verdict["text"]


def test_a_market_model_that_knows_nothing_is_not_better_than_predicting_zero(
    market: Case,
) -> None:
    model = FakeModel(lambda frame: 0.001 * frame.signal.to_numpy())
    evaluation = run(market, model)
    assert not evaluation["verdict"]["better_than_naive"]
    assert "ot better than predicting zero" in evaluation["verdict"]["headline"]
    assert "includes zero" in evaluation["verdict"]["text"]
    assert "better than predicting yesterday" in evaluation["verdict"]["text"]
    assert evaluation["resampled"] == {"unit": "values of date", "units": 100}


def test_predicting_zero_is_not_better_than_predicting_zero(market: Case) -> None:
    difference = run(market, constant(0.0))["baselines"]["zero"]["difference"]
    assert (difference["value"], difference["low"], difference["high"]) == (0, 0, 0)
    assert not difference["better"]


def test_a_market_model_that_looks_ahead_is_seen_to_be_better(market: Case) -> None:
    evaluation = run(market, FakeModel(lambda frame: 0.5 * frame.y.to_numpy()))
    assert evaluation["verdict"]["better_than_naive"]
    assert evaluation["metrics"]["directional_accuracy"]["value"] == 1


def test_direction_is_no_metric_of_data_that_are_no_market(linear: Case) -> None:
    assert "directional_accuracy" not in run(linear, true_model())["metrics"]
    with pytest.raises(ConfigurationError, match="needs data with 'naive_column'"):
        run(linear, true_model(), metrics=["directional_accuracy"])


def test_listed_metrics_are_computed_and_the_first_is_primary(linear: Case) -> None:
    evaluation = run(linear, true_model(), metrics=["mae", "mse"])
    assert (evaluation["primary"], list(evaluation["metrics"])) == ("mae", ["mae", "mse"])


@pytest.mark.parametrize("classes", [("no", "yes"), ("a", "b", "c")])
def test_classes_have_numbers_of_their_own(outputs: Outputs, classes: tuple[str, ...]) -> None:
    case = classes_case(outputs, classes)
    evaluation = run(case, FakeModel(by_centre(len(classes))))
    kept = pd.read_parquet(outputs["evaluation"] / "predictions.parquet")
    counts = np.array(evaluation["confusion"]["counts"])
    assert counts.sum() == len(case.test) == evaluation["rows"]
    for number, row in enumerate(evaluation["per_class"]):
        label = classes[number]
        hits = ((kept.truth == label) & (kept.prediction == label)).sum()
        assert counts[number, number] == hits
        assert row["support"] == (kept.truth == label).sum()
        assert row["recall"]["value"] == pytest.approx(hits / row["support"], rel=1e-7)
        assert row["precision"]["value"] == pytest.approx(
            hits / (kept.prediction == label).sum(), rel=1e-7
        )
        assert row["f1"]["low"] <= row["f1"]["value"] <= row["f1"]["high"]
    assert kept.filter(like="probability_").sum(axis=1).to_numpy() == pytest.approx(1)
    assert evaluation["verdict"]["better_than_naive"]


def test_a_test_part_of_one_class_has_no_area_and_says_so(outputs: Outputs) -> None:
    case = classes_case(outputs, ("no", "yes"))
    case = dataclasses.replace(case, test=case.test[case.test.kind == "no"])
    evaluation = run(case, FakeModel(by_centre(2)))
    area = evaluation["metrics"]["roc_auc"]
    assert area["value"] is None
    assert area["reason"] == "undefined here"
    assert "test/roc_auc" not in json.loads(outputs["metrics"].read_text())
    assert evaluation["per_class"][1]["recall"]["value"] is None


def test_an_undefined_primary_metric_gives_no_verdict(outputs: Outputs) -> None:
    case = classes_case(outputs, ("no", "yes"))
    case = dataclasses.replace(case, test=case.test[case.test.kind == "no"])
    verdict = run(case, FakeModel(by_centre(2)), metrics=["roc_auc"])["verdict"]
    assert not verdict["better_than_naive"]
    assert verdict["text"] == "No verdict: ROC-AUC is undefined here."


def test_a_diverged_model_is_refused_with_the_row(linear: Case) -> None:
    def formula(frame: pd.DataFrame) -> np.ndarray:
        return np.where(frame.row == 317, np.nan, 1.0)

    with pytest.raises(UserError, match=r"for 1 of 120 test rows \(the first: row 317\)"):
        run(linear, FakeModel(formula))


def test_the_table_for_dvc_is_short_and_even(market: Case) -> None:
    run(market, constant(0.0), resamples=20)
    shown = pd.read_csv(market.outputs["predictions"])
    assert list(shown) == ["truth", "prediction"]
    assert len(shown) == 200 < len(market.test)
    assert shown.truth.iloc[[0, -1]].to_numpy() == pytest.approx(
        market.test.y.iloc[[0, -1]].to_numpy(), rel=1e-7
    )


def test_columns_of_the_source_never_hide_the_predictions(linear: Case) -> None:
    columns = (
        *linear.dataset.columns,
        dataclasses.replace(linear.dataset.columns[1], name="truth", role="extra"),
    )
    case = dataclasses.replace(
        linear,
        dataset=dataclasses.replace(linear.dataset, columns=columns),
        test=linear.test.assign(truth="said so"),
    )
    run(case, true_model(), resamples=20)
    kept = pd.read_parquet(case.outputs["evaluation"] / "predictions.parquet")
    assert list(kept) == ["row", "source_truth", "truth", "prediction"]
    assert kept.truth.tolist() == linear.test.y.tolist()


def test_groups_are_drawn_whole_unless_they_are_a_handful(linear: Case) -> None:
    columns = (
        *linear.dataset.columns,
        dataclasses.replace(linear.dataset.columns[0], name="g", role="group"),
    )
    dataset = dataclasses.replace(linear.dataset, columns=columns)
    for groups, drawn in ((40, ("values of g", 40)), (5, ("rows", 120))):
        test = linear.test.assign(g=np.arange(120) % groups)
        case = dataclasses.replace(linear, dataset=dataset, test=test)
        resampled = run(case, true_model(), resamples=20)["resampled"]
        assert (resampled["unit"], resampled["units"]) == drawn


def test_a_model_equal_but_for_float_noise_is_no_better(linear: Case) -> None:
    solved = closed_form(linear.train, linear.dataset)
    assert solved is not None
    model = FakeModel(lambda frame: solved.predict(frame) * (1 + 1e-15), solved.coefficients)
    difference = run(linear, model)["baselines"]["closed_form"]["difference"]
    assert (difference["value"], difference["low"], difference["high"]) == (0, 0, 0)
    assert not difference["better"]


def test_an_ensemble_is_measured_together_and_its_members_alone(linear: Case) -> None:
    def off(distance: float) -> FakeModel:
        return FakeModel(lambda frame: 3 * frame.x0 - 2 * frame.x1 + 5 + distance)

    # Errors that cancel out.
    ensemble = dataclasses.replace(off(1.0), others=(off(-1.0),))
    evaluation = run(linear, ensemble, resamples=20)
    true = run(linear, true_model(), resamples=20)
    assert evaluation["metrics"]["mse"]["value"] == true["metrics"]["mse"]["value"]
    for member, distance in zip(evaluation["members"], (1.0, -1.0), strict=True):
        alone = run(linear, off(distance), resamples=20)["metrics"]
        for name, reached in member["metrics"].items():
            assert reached == {key: alone[name][key] for key in reached}
        lead = member["difference"]
        assert lead["high"] < -0.8
        assert lead["better"]
        least = member["metrics"]["mse"]["value"] + lead["value"]
        assert least == pytest.approx(evaluation["metrics"]["mse"]["value"])
    assert true["members"] is None
