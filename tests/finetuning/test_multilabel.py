"""Texts with several labels, from training to the report and the logged model."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from finetuning.tiny import sentences
from plait.evaluation.task import evaluation_of
from plait.models.trained import TrainedModel
from plait.pipeline.evaluate import evaluate
from plait.pipeline.generate import generate
from plait.pipeline.record import record
from plait.pipeline.train import train
from plait.tracking.query.load import load
from plait.workspace import Outputs, Workspace
from training.fitting import Lab

EXPERIMENT = """\
# @package _global_
description: Topics of tiny sentences, several a text
defaults:
  - tiny
  - override /objective: binary_cross_entropy
  - _self_

data: {path: data/raw/topics.csv, task: multilabel}
"""

TOPICS = {"bank": "finance", "harbour": "sea", "grain": "sea", "forecast": "finance", "cut": "work"}
"""By a word of the text."""


@pytest.fixture
def lab(texts: Lab) -> Lab:
    """The lab of tiny models, with an experiment called ``topics``."""
    frame = sentences(100)
    frame["label"] = [
        "; ".join({topic for word, topic in TOPICS.items() if word in text})
        for text in frame["text"]
    ]
    frame.to_csv(texts.root / "data/raw/topics.csv", index=False)
    (texts.root / "conf/experiment/topics.yaml").write_text(EXPERIMENT, encoding="utf-8")
    return texts


def test_a_language_model_learns_them(lab: Lab, tmp_path: Path) -> None:
    outcome = lab.fit("topics", "finetuning=full", "optimizer.lr=0.01", "trainer.max_epochs=30")
    assert outcome.curves[-1]["train/loss"] < 0.5 * outcome.curves[0]["train/loss"]
    data = lab.data(lab.resolved("topics"))
    assert data.dataset.classes == ("finance", "sea", "work")
    truth = evaluation_of("multilabel").truth(data.train, data.dataset)
    predicted = outcome.model.predict(data.train)
    assert predicted.shape == truth.shape
    assert ((predicted >= 0.5) == (truth == 1)).mean() > 0.9
    assert len(set((predicted >= 0.5).sum(axis=1))) > 1
    outcome.model.save(tmp_path)
    assert (TrainedModel.load(tmp_path).predict(data.train) == predicted).all()


def test_changed_copies_have_the_labels_of_their_texts(lab: Lab) -> None:
    eda = ("model=tfidf", "augmentation=eda", "augmentation.synonyms=0.0")
    outcome = lab.fit("topics", *eda)
    data = lab.data(lab.resolved("topics"))
    truth = evaluation_of("multilabel").truth(data.train, data.dataset)
    assert ((outcome.model.predict(data.train) >= 0.5) == (truth == 1)).mean() > 0.9


@pytest.mark.slow
def test_a_label_that_every_text_has_is_predicted_for_all(lab: Lab, tmp_path: Path) -> None:
    frame = pd.read_csv(lab.root / "data/raw/topics.csv")
    frame["label"] = "all; " + frame["label"].fillna("")
    frame.to_csv(lab.root / "data/raw/every.csv", index=False)
    outcome = lab.fit("topics", "model=tfidf", "data.path=data/raw/every.csv")
    outcome.model.save(tmp_path)
    assert (TrainedModel.load(tmp_path).predict(outcome.data.test)[:, 0] == 1).all()


@pytest.mark.slow
@pytest.mark.usefixtures("lasting_ranks")
def test_two_processes_are_equal_to_one(lab: Lab) -> None:
    overrides = (
        *("topics", "finetuning=lora", "trainer.precision=64-true", "trainer.max_epochs=2"),
        *("model.backbone_dropout=0.0", "finetuning.dropout=0.0"),
    )
    alone, together = lab.fit(*overrides), lab.fit(*overrides, "trainer.devices=2")
    assert together.curves == alone.curves
    for key, value in alone.weights.items():
        assert float(np.abs(value - together.weights[key]).max()) <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [("model=tfidf",), ("finetuning=linear_probe", "ensemble=2")])
def test_from_the_file_to_the_report_and_the_logged_model(
    lab: Lab, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    workspace, resolved = (
        Workspace.at(lab.root),
        lab.resolved("topics", *overrides, "evaluation.resamples=20"),
    )
    outputs = Outputs(tmp_path / "data", tmp_path / "results")
    for stage in (generate, train, evaluate, record):
        stage(workspace, resolved, outputs)
    evaluation = json.loads((outputs["evaluation"] / "evaluation.json").read_text())
    assert evaluation["primary"] == "f1_macro"
    assert evaluation["baselines"].keys() == {"majority", "tfidf"}
    for member in evaluation["members"] or []:
        assert member["metrics"].keys() == evaluation["metrics"].keys()
    if overrides == ("model=tfidf",):
        assert evaluation["metrics"]["f1_micro"]["value"] > 0.7
    assert [row["class"] for row in evaluation["per_class"]] == ["finance", "sea", "work"]
    assert evaluation["confusion"] is None
    for error in evaluation["errors"]:
        assert error["truth"] != error["prediction"]
        assert error["probability"] >= 0.5
    run = load("topics", lab.root)
    (report,) = (lab.root / "mlruns/artifacts").rglob(f"{run.run_id}/**/topics.html")
    page = report.read_text(encoding="utf-8")
    assert "By class" in page
    assert "F1 (micro)" in page
    assert ("The ensemble and its members" in page) == (overrides != ("model=tfidf",))

    given = run.model.predict(pd.read_parquet(outputs.data / "test.parquet"))
    assert given["prediction"].tolist() == run.predictions["prediction"].tolist()
    for name in ("finance", "sea", "work"):
        column = f"probability_{name}"
        assert np.allclose(given[column], run.predictions[column], atol=1e-6)
