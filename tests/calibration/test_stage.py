"""The stage `calibrate`: what it asks for, what it leaves, and who goes by that."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import plait
from checkouts import Checkout, copy_project
from plait.calibration.attach import load
from plait.config.compose import Project
from plait.config.resolved import Resolved
from plait.data.dataset import read_part
from plait.errors import ConfigurationError, UserError
from plait.evaluation.paired import Measured, compare
from plait.evaluation.settings import Resamples
from plait.models.trained import TrainedModel
from plait.pipeline.calibrate import calibrate
from plait.pipeline.in_process import run_stage
from plait.tracking.record.weights import model_digest, weights_digest
from plait.tracking.store.store import open_store
from plait.workspace import Outputs, Workspace

EXPERIMENT = """\
# @package _global_
description: Whether x is large, with noise
defaults:
  - override /data: table
  - override /model: decision_tree
  - override /calibration: temperature
data:
  path: data/raw/own.csv
  target: large
  task: classification
  split: {by: column, column: part}
model: {max_depth: null, min_samples_leaf: 3}
decision: {costs: {'yes': {'no': 5}}}
evaluation: {resamples: 20, plots: {dpi: 50, width: 3.0, height: 2.0}}
"""

PARTS = ("train", "val", "calibration", "test")


def table(shift: float = 0.0) -> pd.DataFrame:
    """A hundred rows a part; those of the calibration part may be others."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=400), "part": np.repeat(PARTS, 100)})
    frame["large"] = np.where(frame.x + random.normal(size=400, scale=0.5) > 0, "yes", "no")
    frame.loc[frame.part == "calibration", "x"] += shift
    return frame


def compose(checkout: Checkout, *overrides: str) -> Resolved:
    return Project(checkout.root).compose("own", list(overrides))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = copy_project(tmp_path_factory.mktemp("own") / "project")
    (checkout.root / "conf/experiment/own.yaml").write_text(EXPERIMENT, encoding="utf-8")
    table().to_csv(checkout.root / "data/raw/own.csv", index=False)
    checkout.list_experiments({"own": {}})
    return checkout


@pytest.fixture(scope="module")
def done(own: Checkout) -> Outputs:
    """All stages, in this process."""
    resolved = compose(own)
    workspace, outputs = Workspace.at(own.root), Workspace.at(own.root).outputs("own")
    composed = workspace.resolved("own")
    composed.parent.mkdir(exist_ok=True)
    composed.write_text(resolved.text(), encoding="utf-8")
    # The training's thread would import MLflow at the same time as `record` does.
    open_store(workspace, "local", {})
    for stage in ("generate", "pretrain", "train", "calibrate", "evaluate", "record"):
        run_stage(stage, workspace, resolved, outputs)
    return outputs


def test_of_the_model(done: Outputs) -> None:
    """Probabilities are those of the model alone, at another temperature; answers go by costs."""
    model, alone = load(done), TrainedModel.load(done["model"])
    test = read_part(done.data, "test")
    assert model.calibration is not None
    assert model.decision is not None
    assert test is not None
    probabilities = model.predict(test)
    assert (probabilities == model.calibration(alone.predict(test))).all()
    assert abs(probabilities - alone.predict(test)).max() > 0.05
    table = model.answers(probabilities)
    assert (table["probability_yes"] == probabilities[:, 1]).all()
    threshold = model.decision.threshold
    assert (table["prediction"] == np.where(probabilities[:, 1] >= threshold, "yes", "no")).all()
    assert (table["prediction"] != np.where(probabilities[:, 1] > 0.5, "yes", "no")).any()
    # Of text and numbers alone.
    assert [path.name for path in done["calibrated"].iterdir()] == ["calibrated.json"]


def test_of_the_evaluation(done: Outputs) -> None:
    evaluation = json.loads(done.mark("evaluation").read_text(encoding="utf-8"))
    said = pd.read_parquet(done["evaluation"] / "predictions.parquet")
    test = read_part(done.data, "test")
    assert test is not None
    assert (said["probability_yes"] == load(done).predict(test)[:, 1]).all()
    wrong = {("yes", "no"): 5.0, ("no", "yes"): 1.0}
    cost = np.mean([wrong.get(pair, 0.0) for pair in zip(said.truth, said.prediction, strict=True)])
    metric = evaluation["metrics"]["mean_cost"]
    assert metric["value"] == pytest.approx(cost)
    assert metric["low"] < metric["value"] < metric["high"]
    # Where the likeliest class is answered, and by the one answer that is cheapest.
    assert cost < evaluation["baselines"]["majority"]["metrics"]["mean_cost"]["value"]
    cheapest = evaluation["baselines"]["cheapest"]
    assert cheapest["title"] == "always answering 'yes', the cheapest"
    assert cheapest["metrics"]["mean_cost"]["value"] == pytest.approx((said.truth == "no").mean())
    # All that looks at answers alone goes by the decision.
    counts = pd.crosstab(said.truth, said.prediction).to_numpy()
    assert evaluation["confusion"]["counts"] == counts.tolist()
    assert evaluation["metrics"]["accuracy"]["value"] == pytest.approx(np.trace(counts) / 100)
    recall = evaluation["per_class"][1]["recall"]["value"]
    assert recall == pytest.approx(counts[1, 1] / counts[1].sum())
    assert evaluation["calibration"]["fitted"].startswith("temperature scaling, T = ")
    found = evaluation["calibration"]
    for score in ("brier_score", "error"):
        assert found[score]["value"] < found["before"][score]["value"]


def test_of_the_report(own: Checkout, done: Outputs) -> None:
    page = (own.root / "mlruns/reports/own.html").read_text(encoding="utf-8")
    assert "Calibrated by temperature scaling, T = " in page
    assert "Predicted is yes from a probability of" in " ".join(page.split())


def test_of_the_recorded_run(own: Checkout, done: Outputs) -> None:
    run = plait.load("own", own.root)
    test = read_part(done.data, "test")
    assert test is not None
    given = run.model.predict(test[["x"]])
    model = load(done)
    pd.testing.assert_frame_equal(given, model.answers(model.predict(test)))
    assert run.params["calibration"] == "temperature"
    assert run.params["decision.costs.yes.no"] == "5.0"


def test_the_digest_of_the_model_covers_what_follows_its_weights(
    done: Outputs, tmp_path: Path
) -> None:
    copy = Outputs(tmp_path / "data", tmp_path / "results")
    shutil.copytree(done.results, copy.results)
    assert model_digest(copy) == model_digest(done) != weights_digest(done["model"])
    mark = copy.mark("calibrated")
    mark.write_text(mark.read_text(encoding="utf-8").replace('"threshold": 0', '"threshold": 1'))
    assert model_digest(copy) != model_digest(done)
    mark.write_text('{"calibration": null, "decision": null}')
    assert model_digest(copy) == weights_digest(done["model"])


def test_two_models_are_compared_by_what_they_answer(done: Outputs) -> None:
    evaluation = json.loads(done.mark("evaluation").read_text(encoding="utf-8"))
    said = pd.read_parquet(done["evaluation"] / "predictions.parquet")
    likeliest = said.assign(prediction=np.where(said.probability_yes > 0.5, "yes", "no"))
    settings = Resamples(resamples=20, max_bootstrap_rows=1000, confidence_level=0.95, seed=0)
    one = Measured(evaluation | {"primary": "mean_cost"}, said)
    other = Measured(evaluation | {"decision": None}, likeliest)
    found = compare(one, other, settings)
    assert found.value == pytest.approx(evaluation["metrics"]["mean_cost"]["value"])
    assert found.other > found.value
    by_accuracy = compare(Measured(evaluation, said), other, settings)
    assert by_accuracy.other == pytest.approx((likeliest.truth == likeliest.prediction).mean())


def test_nothing_trains_on_the_calibration_part(
    own: Checkout, done: Outputs, tmp_path: Path
) -> None:
    checkout = Checkout(shutil.copytree(own.root, tmp_path / "other"))
    table(shift=1.0).to_csv(checkout.root / "data/raw/own.csv", index=False)
    workspace, resolved = Workspace.at(checkout.root), compose(checkout)
    outputs = workspace.outputs("own")
    for stage in ("generate", "pretrain", "train", "calibrate"):
        run_stage(stage, workspace, resolved, outputs)
    assert weights_digest(outputs["model"]) == weights_digest(done["model"])
    calibrations = [load(each).calibration for each in (outputs, done)]
    assert calibrations[0] != calibrations[1]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("calibration.min_rows=101",), "has 100 rows, and temperature asks for 101"),
        (("decision.costs.yess.no=5",), "'yess' is no class of the data set; did you mean 'yes'?"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    own: Checkout, done: Outputs, overrides: tuple[str, ...], said: str
) -> None:
    resolved = compose(own, *overrides).handed_to("calibrate")
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        calibrate(Workspace.at(own.root), resolved, done)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("calibration", "there is none; set data.split.calibration above 0"),
        ("val", "there is none; set data.split.val above 0 "),
    ],
)
def test_rows_that_are_not_there_are_asked_for(
    own: Checkout, done: Outputs, tmp_path: Path, part: str, said: str
) -> None:
    outputs = Outputs(shutil.copytree(done.data, tmp_path / "data"), done.results)
    (outputs.data / f"{part}.parquet").unlink()
    with pytest.raises(UserError, match=said):
        calibrate(Workspace.at(own.root), compose(own).handed_to("calibrate"), outputs)


RANDOM = ("data.split.by=random", "data.split.column=null")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (RANDOM, "set data.split.calibration above 0, such as 0.2"),
        (("data.task=regression", "model=least_squares"), "'temperature' is for classification or"),
        (
            ("data.task=regression", "model=least_squares", "calibration=null"),
            "decision.costs: are of answers to a classification",
        ),
        (
            ("decision.costs=null", "evaluation.metrics=[mean_cost]"),
            "evaluation.metrics: 'mean_cost' needs decision.costs",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_composing(
    own: Checkout, overrides: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        compose(own, *overrides)
    assert said in str(error.value)


def with_code(resolved: Resolved) -> Resolved:
    """The same, had the code of stage `calibrate` been edited."""
    code: Any = resolved.values["code"]
    return Resolved({**resolved.values, "code": {**code, "calibrate": "edited"}})


def test_the_identity_covers_it_where_there_is_any(own: Checkout) -> None:
    nothing = compose(own, "calibration=null", "decision.costs=null")
    assert with_code(nothing).named_identity == nothing.identity
    found = [
        compose(own, "decision.costs=null"),
        compose(own, "decision.costs=null", "calibration=isotonic"),
        compose(own, "calibration=null"),
        compose(own, "calibration=null", "decision.costs.yes.no=6"),
    ]
    assert len({each.identity for each in (nothing, *found)}) == 5
    assert all(with_code(each).named_identity != each.identity for each in found)


def test_a_run_recorded_before_there_was_the_stage_has_the_identity_that_it_had(
    own: Checkout,
) -> None:
    nothing = compose(own, "calibration=null", "decision.costs=null")
    former = {
        key: value
        for key, value in nothing.values.items()
        if key not in ("calibration", "decision")
    }
    assert Resolved(former).named_identity == nothing.identity
    assert Resolved(former)["decision.costs"] is None
