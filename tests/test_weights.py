"""A row of weight 2 counts as two rows: in training, metrics, intervals and baselines."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from checkouts import ROOT
from plait.config.compose import Project
from plait.config.levels import read_yaml
from plait.data.sources import table
from plait.errors import ConfigurationError, UserError
from plait.evaluation.evaluate import evaluate
from plait.evaluation.parts import Parts
from plait.evaluation.settings import Settings as EvaluationSettings
from plait.workspace import Outputs, Workspace
from training.fitting import Data, Lab

ROWS = 60
DEFAULTS = read_yaml(ROOT / "conf/data/table.yaml")


def rows(task: str) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    size = rng.uniform(40, 200, ROWS)
    price = size * 3.5 + rng.normal(0, 60, ROWS)
    return pd.DataFrame(
        {
            "size": size,
            "floor": rng.integers(0, 5, ROWS),
            "price": price if task == "regression" else np.where(price > 400, "high", "low"),
            "part": ["train"] * 40 + ["test"] * 20,
            "count": rng.integers(1, 4, ROWS),
        }
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A tree with the configuration and two files of the same rows."""
    (tmp_path / "data/raw").mkdir(parents=True)
    for name in ("conf", "params.yaml", "dvc.yaml", "requirements.lock"):
        (tmp_path / name).symlink_to(ROOT / name)
    for task in ("regression", "classification"):
        frame = rows(task)
        frame.to_csv(tmp_path / f"data/raw/{task}_counted.csv", index=False)
        often = frame.loc[frame.index.repeat(frame["count"])]
        often.assign(count=1.0).to_csv(tmp_path / f"data/raw/{task}_repeated.csv", index=False)
    return tmp_path


def asked(task: str, kind: str, model: str, *more: str) -> tuple[str, ...]:
    return (
        *("data=table", f"data.path=data/raw/{task}_{kind}.csv", "data.target=price"),
        *(f"data.task={task}", "data.weight=count", f"model={model}", "trainer.precision=64-true"),
        # All rows a step, and scales of their own, for which each row counts once.
        *("trainer.max_epochs=60", "batch_size=1000", "preprocessing.feature_scaling=none"),
        *("data.split={by: column, column: part, val: 0, test: 0.2, gap: 0}",),
        *("optimizer=adam", "optimizer.lr=0.05", "trainer.devices=1", *more),
    )


MODELS = [
    ("regression", "linear", ()),
    ("regression", "linear", ("objective=huber",)),
    ("regression", "least_squares", ()),
    ("regression", "decision_tree", ("model.min_samples_leaf=1", "model.max_depth=3")),
    ("classification", "linear", ()),
    ("classification", "linear", ("objective.class_weights=none",)),
    ("classification", "decision_tree", ("model.min_samples_leaf=1", "model.max_depth=1")),
]


def predicted(lab: Lab, data: Data, outcome: Any) -> np.ndarray:
    assert data.test is not None
    prediction: np.ndarray = outcome.model.predict(data.test.drop_duplicates("size"))
    return prediction


@pytest.mark.parametrize(("task", "model", "more"), MODELS)
def test_training_counts_it_twice(
    project: Path, tmp_path: Path, task: str, model: str, more: tuple[str, ...]
) -> None:
    (tmp_path / "lab").mkdir()
    lab = Lab(tmp_path / "lab", project)
    found = {}
    for kind, other in (("counted", ()), ("repeated", ()), ("counted", ("data.weight=null",))):
        drop = ("data.drop=[count]",) if other else ()
        outcome = lab.fit("linear_regression", *asked(task, kind, model, *more), *other, *drop)
        found[(kind, bool(other))] = predicted(lab, outcome.data, outcome)
    np.testing.assert_allclose(found["counted", False], found["repeated", False], rtol=1e-9)
    assert not np.allclose(found["counted", True], found["repeated", False], rtol=1e-5)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_metrics_baselines_and_intervals_count_it_twice(
    project: Path, tmp_path: Path, task: str
) -> None:
    (tmp_path / "lab").mkdir()
    lab = Lab(tmp_path / "lab", project)
    settings = EvaluationSettings(
        **{**read_yaml(ROOT / "conf/config.yaml")["evaluation"], "resamples": 200}
    )
    model = "least_squares" if task == "regression" else "linear"
    said = {}
    for kind in ("counted", "repeated"):
        outcome = lab.fit("linear_regression", *asked(task, kind, model))
        outputs = Workspace.at(tmp_path / kind).outputs("table")
        for output in ("metrics", "evaluation", "plots", "predictions"):
            outputs[output].parent.mkdir(parents=True, exist_ok=True)
        said[kind] = measured(outcome, settings, outputs)
    once, often = said["counted"], said["repeated"]
    assert once["weight"] == often["weight"] == "count"
    assert once["rows"] == 20 < often["rows"]
    for name, entry in often["metrics"].items():
        assert once["metrics"][name]["value"] == pytest.approx(entry["value"], rel=1e-6), name
    for name, entry in often["baselines"].items():
        primary = often["primary"]
        assert once["baselines"][name]["metrics"][primary]["value"] == pytest.approx(
            entry["metrics"][primary]["value"], rel=1e-6
        ), name
    # 20 rows say less than 40: the interval of weighted rows is the wider one.
    (wide, narrow) = (each["metrics"][each["primary"]] for each in (once, often))
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]


def measured(outcome: Any, settings: EvaluationSettings, outputs: Outputs) -> Any:
    curves = pd.DataFrame(outcome.curves)
    data = outcome.data
    parts = Parts(data.train, data.test)
    evaluate(outcome.model, parts, data.dataset, settings, outputs, curves)
    return json.loads(outputs.mark("evaluation").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"weight": "price"}, "'price' cannot be both the weight and the target"),
        ({"weight": "size", "features": ["size"]}, "'size' is the weight and cannot be a feature"),
        ({"weight": "count", "drop": ["count"]}, "'count' is the weight and cannot be dropped"),
        ({"weight": "count", "types": {"count": "category"}}, "a weight is a number"),
    ],
)
def test_what_it_cannot_be(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        table.Settings(**DEFAULTS | {"target": "price"} | changes)


@pytest.mark.parametrize("bad", ["0", "-1"])
def test_a_weight_is_above_zero(project: Path, bad: str) -> None:
    file = project / "data/raw/regression_counted.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[3] = lines[3].rpartition(",")[0] + f",{bad}"
    file.write_text("\n".join(lines), encoding="utf-8")
    given = {"path": "data/raw/regression_counted.csv", "target": "price", "weight": "count"}
    with pytest.raises(UserError, match=rf"column 'count', row 2: {bad}: a weight is above 0"):
        table.read(table.Settings(**DEFAULTS | given), project)


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        (("model=knn",), "model: 'knn' takes all rows alike; set data.weight to null"),
        (("data.weight=price",), "cannot be both the weight and the target"),
    ],
)
def test_where_it_would_be_ignored_it_is_refused(
    project: Path, overrides: tuple[str, ...], error: str
) -> None:
    with pytest.raises(ConfigurationError, match=error):
        Project(project).compose(
            "linear_regression", [*asked("regression", "counted", "linear"), *overrides]
        )


@pytest.mark.parametrize("model", ["lightgbm", "xgboost", "catboost", "tabm", "random_forest"])
def test_it_reaches_what_learns(project: Path, tmp_path: Path, model: str) -> None:
    """Of these a row twice is not quite a row of weight 2: leaves and bins count rows."""
    (tmp_path / "lab").mkdir()
    lab = Lab(tmp_path / "lab", project)
    few = {
        "tabm": ("trainer.max_epochs=2",),
        "random_forest": ("model.trees=5",),
        "lightgbm": ("model.rounds=5", "model.min_samples_leaf=2"),
    }
    more = few.get(model, ("model.rounds=5",))
    asked_for = asked("regression", "counted", model, *more)
    weighted = lab.fit("linear_regression", *asked_for)
    plain = lab.fit("linear_regression", *asked_for, "data.weight=null", "data.drop=[count]")
    found = predicted(lab, weighted.data, weighted)
    assert not np.allclose(found, predicted(lab, plain.data, plain), rtol=1e-6)
    file = project / "data/raw/regression_counted.csv"
    frame = pd.read_csv(file)
    frame.assign(count=frame["count"] * 4).to_csv(file, index=False)
    lab = Lab(tmp_path / "lab" / "again", project)
    lab.folder.mkdir()
    scaled = lab.fit("linear_regression", *asked_for)
    np.testing.assert_allclose(predicted(lab, scaled.data, scaled), found, rtol=1e-12)
