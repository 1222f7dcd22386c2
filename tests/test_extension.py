"""One's own choices, added the way a newcomer would: as CONTRIBUTING shows them, word for word."""

import json
import re
from pathlib import Path

import pytest

from checkouts import ROOT, Checkout
from plait.config.compose import Project

ADDED = {
    "conf/model/cubic.yaml",
    "src/plait/models/cubic.py",
    "conf/objective/log_cosh.yaml",
    "src/plait/objectives/log_cosh.py",
    "src/plait/evaluation/metrics/spread.py",
    "conf/callbacks/patience_report.yaml",
    "src/plait/training/callbacks/patience_report.py",
    "conf/data/waves.yaml",
    "src/plait/data/sources/waves.py",
}


def shown(guide: Path) -> dict[str, str]:
    """The files that the guide shows: a path alone on its line, then the text."""
    blocks = re.findall(
        r"^`([^`]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)^```$",
        guide.read_text(encoding="utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
    return dict(blocks)


def extend(checkout: Checkout) -> None:
    for path, text in shown(ROOT / "CONTRIBUTING.md").items():
        assert not (checkout.root / path).exists()
        checkout.append(path, text)


def test_the_guide_shows_one_of_each() -> None:
    assert shown(ROOT / "CONTRIBUTING.md").keys() == ADDED


def test_adding_choices_retrains_nothing(checkout: Checkout) -> None:
    checkout.list_experiments({"linear_regression": {}, "market": {}})
    before = Project(checkout.root).compose_all()
    extend(checkout)
    after = Project(checkout.root).compose_all()
    for name, resolved in before.items():
        assert after[name].identity == resolved.identity
        # A new metric is one more number to compute where all of the task are.
        assert after[name]["code.evaluate"] != resolved["code.evaluate"]
        assert after[name]["code.record"] == resolved["code.record"]


@pytest.mark.slow
def test_added_choices_run_through_the_whole_pipeline(checkout: Checkout) -> None:
    extend(checkout)
    checkout.append(
        "conf/experiment/mine.yaml",
        "# @package _global_\ndescription: All choices of one's own\ndefaults:\n"
        "  - override /data: waves\n  - override /model: cubic\n"
        "  - override /objective: log_cosh\n  - override /callbacks: [patience_report]\n"
        "  - override /optimizer: adam\n\n"
        "optimizer: {lr: 0.05}\ntrainer: {max_epochs: 60}\n",
    )
    checkout.list_experiments({"mine": {"evaluation": {"resamples": 40}}})
    output = checkout.run("dvc", "repro").stdout
    assert re.search(r"epoch \d+: below 0.1", output)
    results = checkout.root / "results" / "mine"
    metrics = json.loads((results / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test/mse"] < 0.1
    assert metrics["test/largest_error"] < 2
    evaluation = json.loads((results / "evaluation/evaluation.json").read_text(encoding="utf-8"))
    largest = evaluation["metrics"]["largest_error"]
    assert largest["low"] <= largest["value"] <= largest["high"]
    assert "largest_error" in next(iter(evaluation["baselines"].values()))["metrics"]
    assert "train/mae" in (results / "curves.csv").read_text(encoding="utf-8").splitlines()[0]
    options = checkout.plait("options", "data").stdout
    assert "waves" in options
    assert "standard deviation of the noise" in options


@pytest.mark.slow
def test_a_lightning_module_of_ones_own_is_trained_as_it_is(checkout: Checkout) -> None:
    checkout.append("conf/model/own.yaml", "# A module with its own training step.\nlr: 0.1\n")
    checkout.append(
        "src/plait/models/own.py",
        '''"""A module with its own training step."""

from typing import Any

from plait.models.base import NetworkSettings, Shape
from plait.settings import setting


class Settings(NetworkSettings):
    """``model: own``."""

    lr: float = setting("learning rate", gt=0)


def build(settings: Settings, shape: Shape) -> Any:
    """(rows, inputs) to (rows,)."""
    import torch
    from lightning.pytorch import LightningModule

    class Own(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(shape.inputs, 1)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return self.layer(features).squeeze(-1)

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            loss = ((self(batch.features) - batch.targets) ** 2).mean()
            self.log("train/loss", loss, on_step=False, on_epoch=True)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=settings.lr)

    return Own()
''',
    )
    checkout.list_experiments(
        {
            "linear_regression": {
                "model": "own",
                "trainer": {"max_epochs": 30},
                "evaluation": {"resamples": 40},
            }
        }
    )
    checkout.run("dvc", "repro")
    results = checkout.root / "results" / "linear_regression"
    metrics = json.loads((results / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test/mse"] == pytest.approx(0.01, rel=0.3)
    assert "train/loss" in (results / "curves.csv").read_text(encoding="utf-8")
