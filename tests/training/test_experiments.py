"""Every experiment that ships composes and trains, listed or not; and so do the debug presets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkouts import ROOT
from plait.config.registry import choices, family_of
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset, read_part
from plait.models.trained import TrainedModel
from plait.pipeline.generate import generate
from plait.pipeline.train import train
from plait.workspace import Outputs, Workspace
from training.fitting import Lab


class Notes:
    """Takes what a live run takes."""

    def __init__(
        self, workspace: Workspace, resolved: Resolved, devices: str, tags: dict[str, str] | None
    ) -> None:
        self.devices = devices
        self.epochs: list[int] = []
        NOTES.append(self)

    def __enter__(self) -> "Notes":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def epoch(self, step: int, values: Mapping[str, float]) -> None:
        self.epochs.append(step)


NOTES: list[Notes] = []

LARGE = {
    *("news_topics", "news_topics_52", "news_topics_ensemble"),
    *("few_labels", "chinese_reviews", "editorial_sentiment"),
}
"""Two steps of their language models take as long as all the others together."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in LARGE else ())
        for name in choices(ROOT / "conf", "experiment")
    ],
)
def test_every_experiment_composes_and_trains_two_steps(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("plait.tracking.live.live.LiveRun", Notes)
    few = ["debug=fast", "data.seed=3"]
    resolved = lab.resolved(name, *few)
    # Of texts, some, and the beginning of each.
    if "n_labelled" in resolved.section("data"):
        few.append("data.n_labelled=200")
    if family_of(resolved.choice("model")).name == "language_model":
        few.append("model.max_length=8")
    resolved = lab.resolved(name, *few)
    outputs = Outputs(tmp_path / "data", tmp_path / "results")
    workspace = Workspace(ROOT, tmp_path)
    generate(workspace, resolved.handed_to("generate"), outputs)
    train(workspace, resolved.handed_to("train"), outputs)
    members = resolved["ensemble"] or 1
    assert NOTES[-1].epochs == list(range(members))
    assert not workspace.checkpoints(resolved.identity).exists()
    if family_of(resolved.choice("model")).by_gradient:
        assert resolved["trainer.max_steps"] == 2
    test = read_part(outputs.data, "test")
    assert test is not None
    frame = test.head(100)
    classes = Dataset.read(outputs.data).classes
    predictions = TrainedModel.load(outputs["model"]).predict(frame)
    assert predictions.shape == ((len(frame), len(classes)) if classes else (len(frame),))
    assert np.isfinite(predictions).all()
    header, *rows = outputs["curves"].read_text().splitlines()
    assert header.startswith("epoch,train/")
    assert len(rows) == members
    assert not (tmp_path / ".plait" / "checkpoints").exists() or not any(
        (tmp_path / ".plait" / "checkpoints").iterdir()
    )


PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"max_steps": 2},
    "overfit": {"overfit_rows": 10},
    "nan": {"detect_anomaly": True},
    "profile": {"profile": True},
}


def test_every_debug_preset_is_listed_here() -> None:
    assert choices(ROOT / "conf", "debug") == sorted(PRESETS)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", ["linear_regression", "market"])
def test_a_debug_preset_sets_what_it_says_and_nothing_else(
    lab: Lab, name: str, preset: str
) -> None:
    plain = lab.resolved(name)["trainer"]
    assert lab.resolved(name, f"debug={preset}")["trainer"] == plain | PRESETS[preset]
