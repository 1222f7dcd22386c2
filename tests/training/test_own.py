"""A newcomer's own model, objective and callback: a pair of files each, and nothing else."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from checkouts import copy_project
from plait.errors import UserError
from plait.models.trained import TrainedModel
from plait.pipeline.stages import GROUPS
from training.fitting import Lab, equal_weights, inputs_and_targets

MODULE = '''
"""Two layers whose weights are tied, with a training of their own."""

import torch
from lightning.pytorch import LightningModule
from torch import nn

from plait.models.base import NetworkSettings, Shape
from plait.settings import setting


class Settings(NetworkSettings):
    """``model: own_module``."""

    rate: float = setting("learning rate", gt=0)


class OwnModule(LightningModule):
    def __init__(self, inputs: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(inputs, inputs)
        self.second = nn.Linear(inputs, inputs)
        self.second.weight = self.first.weight
        self.last = nn.Linear(inputs, 1)

    def forward(self, features):
        hidden = torch.relu(self.second(torch.relu(self.first(features))))
        return self.last(hidden).squeeze(-1)

    def training_step(self, batch, index):
        loss = (self(batch.features) - batch.targets).abs().mean()
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val/loss", (self(batch.features) - batch.targets).abs().mean())

    def on_train_epoch_end(self):
        self.log("train/bias", self.last.bias.detach().squeeze())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.rate)


def build(settings: Settings, shape: Shape) -> LightningModule:
    """(rows, inputs) to (rows,)."""
    return OwnModule(shape.inputs, settings.rate)
'''

SILENT = MODULE.replace("own_module", "own_silent").replace("val/loss", "val/error")

OBJECTIVE = '''
"""The mean absolute error."""

from plait.objectives.base import ObjectiveSettings
from plait.settings import setting


class Settings(ObjectiveSettings):
    """``objective: own_absolute``."""

    tasks = ("regression",)

    weight: float = setting("of the error", gt=0)


def build(settings, targets):
    """Logs the largest row number beside the loss."""

    def objective(model, batch):
        errors = (model(batch.features) - batch.targets).abs()
        return settings.weight * errors.mean(), {"row": batch.rows.double().mean()}

    return objective
'''

CALLBACK = '''
"""Stops when the training loss is low enough, and keeps what it saw."""

from lightning.pytorch import Callback

from plait.settings import setting
from plait.training.callbacks.base import CallbackSettings

SEEN = []


class Settings(CallbackSettings):
    """``callbacks: [own_stop]``."""

    below: float = setting("training loss", gt=0)


class OwnStop(Callback):
    def __init__(self, below):
        self.below = below

    def on_train_epoch_end(self, trainer, module):
        loss = float(trainer.callback_metrics["train/loss"])
        SEEN.append(loss)
        trainer.should_stop = loss < self.below


def build(settings):
    """A Lightning callback."""
    return OwnStop(settings.below)
'''

OWN = (
    ("model", "own_module", MODULE, "rate: 0.01"),
    ("model", "own_silent", SILENT, "rate: 0.01"),
    ("objective", "own_absolute", OBJECTIVE, "weight: 1.0"),
    ("callbacks", "own_stop", CALLBACK, "own_stop: {below: 3000.0}"),
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A checkout with a pair of each, whose modules this process finds."""
    checkout = copy_project(tmp_path_factory.mktemp("own") / "project")
    paths = []
    for group, name, code, values in OWN:
        package = GROUPS[group].package
        folder = checkout.root / "src" / Path(*package.split("."))
        (folder / f"{name}.py").write_text(code)
        checkout.append(f"conf/{group}/{name}.yaml", f"# A newcomer's own.\n{values}\n")
        path = importlib.import_module(package).__path__
        path.append(str(folder))
        paths.append((path, str(folder)))
    yield Lab(tmp_path_factory.mktemp("lab"), checkout.root)
    for path, folder_name in paths:
        path.remove(folder_name)
    for group, name, _, _ in OWN:
        sys.modules.pop(f"{GROUPS[group].package}.{name}", None)


def test_an_own_lightning_module_trains_and_predicts(own: Lab, tmp_path: Path) -> None:
    outcome = own.fit("diabetes", "model=own_module", "data.split.val=0.2", "trainer.max_epochs=15")
    assert set(outcome.curves[0]) == {"epoch", "train/loss", "train/bias", "val/loss"}
    assert outcome.curve("val/loss")[-1] < outcome.curve("val/loss")[0]
    frame = outcome.data.val
    assert frame is not None
    _, targets = inputs_and_targets(outcome, frame)
    predictions = outcome.model.predict(frame)
    assert predictions.shape == (len(frame),)
    scaled = (predictions - outcome.model.preprocessor.target.scaling[1]) / (
        outcome.model.preprocessor.target.scaling[0]
    )
    # The epoch with the lowest loss gave the weights.
    best = min(outcome.curve("val/loss"))
    assert np.abs(scaled - targets).mean() == pytest.approx(best, rel=1e-5)
    outcome.model.save(tmp_path)
    assert np.array_equal(TrainedModel.load(tmp_path).predict(frame), predictions)


def test_an_own_module_repeats_bit_for_bit(own: Lab) -> None:
    first, again = (
        own.fit("diabetes", "model=own_module", "trainer.max_epochs=3") for _ in range(2)
    )
    assert first.curves == again.curves
    assert equal_weights(first, again)


def test_an_own_module_that_logs_no_validation_loss_is_told_to(own: Lab) -> None:
    with pytest.raises(UserError, match="own_silent: validation_step must log 'val/loss'"):
        own.fit("diabetes", "model=own_silent", "data.split.val=0.2", "trainer.max_epochs=1")


def test_an_own_objective_is_minimised_and_its_values_logged(own: Lab) -> None:
    outcome = own.fit("diabetes", "objective=own_absolute", "trainer.max_epochs=8")
    losses = outcome.curve("train/loss")
    assert losses[-1] < losses[0]
    # The mean over all rows of an epoch, however uneven the batches.
    rows = len(outcome.data.train)
    assert outcome.curve("train/row") == pytest.approx([(rows - 1) / 2] * 8)
    halved = own.fit(
        "diabetes", "objective=own_absolute", "objective.weight=0.5", "trainer.max_epochs=1"
    )
    assert halved.curve("train/loss")[0] == pytest.approx(losses[0] / 2, rel=0.05)


def test_an_own_callback_reads_the_values_of_its_epoch_and_stops(own: Lab) -> None:
    outcome = own.fit("linear_regression", "callbacks=[own_stop]")
    seen = importlib.import_module("plait.training.callbacks.own_stop").SEEN
    assert seen == pytest.approx(outcome.curve("train/loss"), rel=1e-7)
    assert len(outcome.curves) < 10
    assert seen[-1] < 3000 <= seen[-2]
