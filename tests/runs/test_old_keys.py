"""A run that was recorded when configuration keys had other names: read, promoted, rebuilt."""

import json

import pandas as pd
import pytest
import yaml

from checkouts import Checkout, copy_project
from plait.config.compose import Project
from plait.config.renamed import RENAMED
from plait.tracking.query.load import load

pytestmark = pytest.mark.slow

OLD = (
    "trainer.keep",
    "trainer.nodes",
    "model.widths",
    "evaluation.level",
    "evaluation.plots.points",
)
"""Keys that the older tree has."""

RUN = ("run", "experiment=wine", "optimizer.lr=0.02", "trainer.max_epochs=2")


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A run of a commit whose code and configuration have old keys, and today's code after it."""
    checkout = copy_project(tmp_path_factory.mktemp("old keys") / "project")
    checkout.list_experiments({"wine": {"evaluation": {"resamples": 20}}})
    checkout.commit("today's keys")
    for folder in ("src", "conf"):
        for path in (checkout.root / folder).rglob("*.*"):
            if path.suffix in (".py", ".yaml"):
                text = path.read_text(encoding="utf-8")
                for old in OLD:
                    new = RENAMED[old].rpartition(".")[2]
                    text = text.replace(new, old.rpartition(".")[2])
                path.write_text(text, encoding="utf-8")
    checkout.edit("dvc.yaml", "trainer.select_checkpoint", "trainer.keep")
    checkout.commit("old keys")
    checkout.plait(*RUN)
    checkout.run("git", "revert", "--no-edit", "HEAD")
    return checkout


def test_it_is_recorded_under_the_old_keys(older: Checkout) -> None:
    (file,) = (older.root / "mlruns" / "artifacts").rglob("config/resolved.yaml")
    recorded = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert recorded["trainer"]["keep"] == "lowest_loss"
    assert recorded["model"]["widths"] == [32]
    (file,) = (older.root / "mlruns" / "artifacts").rglob("model.json")
    assert json.loads(file.read_text(encoding="utf-8"))["settings"]["widths"] == [32]


def test_it_is_read_by_the_keys_of_today(older: Checkout) -> None:
    run = load("wine", older.root)
    assert run.configuration["model.hidden_sizes"] == [32]
    assert run.configuration["trainer.select_checkpoint"] == "lowest_loss"
    assert run.configuration["evaluation.plots.max_points"] == 2000
    (file,) = (older.root / ".plait" / "data").glob("*/test.parquet")
    predicted = run.model.predict(pd.read_parquet(file))["prediction"]
    assert predicted.tolist() == run.predictions["prediction"].tolist()
    (entry,) = json.loads(older.plait("runs", "--json").stdout)
    assert entry["params"]["trainer.select_checkpoint"] == "lowest_loss"
    assert "model.widths" not in entry["params"]
    assert "wine" in older.plait("runs").stdout


def test_it_is_rebuilt_by_the_keys_of_its_commit(older: Checkout) -> None:
    said = older.plait("rebuild", "wine").stdout
    assert "identical: all " in said


def test_it_becomes_an_experiment_with_the_keys_of_today(older: Checkout) -> None:
    said = older.plait("promote", "wine", "promoted").stdout
    assert "changed since the run: the code of" in said
    promoted = Project(older.root).compose("promoted")
    assert promoted["optimizer.lr"] == 0.02
    assert promoted["model.hidden_sizes"] == [32]
    file = older.root / "conf" / "experiment" / "promoted.yaml"
    assert "keep" not in file.read_text(encoding="utf-8")


def test_launched_again_it_is_trained_again(older: Checkout) -> None:
    """The identity is made of keys too, and of the code that reads them."""
    assert ": new run " in older.plait(*RUN).stdout
    assert len(json.loads(older.plait("runs", "--json").stdout)) == 2
