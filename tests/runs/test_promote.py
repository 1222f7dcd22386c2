"""From a recorded run to an experiment of the project, and to the champion."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from checkouts import Checkout, copy_project
from plait.config.compose import Project
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.runs.promote.promote import plan_for, promote
from plait.tracking.cost import without_costs
from plait.tracking.query.find import find
from plait.tracking.registry import CHAMPION
from plait.tracking.store.store import Store, open_store
from plait.tracking.tags import BEATEN, FORCED
from plait.workspace import Workspace
from tracking.conftest import forget

from .recorded import TREE, run

LINEAR = "linear_regression"

TRIALS = {
    "deep": [*TREE, "model.max_depth=5"],
    "deep too": [*TREE, "model.max_depth=6", "model.min_samples_leaf=4"],
    "solved": ["model=least_squares", "data.samples=80", "evaluation.resamples=20"],
    "other rows": [*TREE, "data.seed=1"],
    "hopeless": [*TREE, "model.min_samples_leaf=60"],
}


@dataclass(frozen=True)
class Recorded:
    """A checkout with a run of every trial."""

    root: Path
    trials: dict[str, Resolved]

    @property
    def workspace(self) -> Workspace:
        return Workspace.at(self.root)

    @property
    def store(self) -> Store:
        return open_store(self.workspace, "local", {})

    def promote(self, trial: str, *arguments: str | None, **options: object) -> list[str]:
        return promote(self.workspace, self.run_id(trial), *arguments, **options)  # type: ignore

    def run_id(self, trial: str) -> str:
        found = self.store.find_run(self.trials[trial].identity)
        assert found is not None
        return str(found.info.run_id)

    def everything(self) -> tuple[list[str], dict[Path, bytes]]:
        """The whole store, and what one edits by hand."""
        with closing(sqlite3.connect(self.root / "mlruns" / "mlflow.db")) as connection:
            rows = list(connection.iterdump())
        files = [self.root / "params.yaml", *(self.root / "conf").rglob("*.yaml")]
        return rows, {path: path.read_bytes() for path in files}

    def refusal(self, trial: str, *arguments: str | None, **options: object) -> UserError:
        """Of a promotion, which must leave everything as it is."""
        before = self.everything()
        with pytest.raises(UserError) as refused:
            self.promote(trial, *arguments, **options)
        assert self.everything() == before
        return refused.value


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    checkout = copy_project(tmp_path_factory.mktemp("made") / "project")
    checkout.list_experiments({LINEAR: {"optimizer": {"lr": 0.02}}})
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DVC_ROOT", raising=False)
        trials = {name: run(checkout.root, LINEAR, *given) for name, given in TRIALS.items()}
    return Recorded(checkout.root, trials)


@pytest.fixture
def recorded(made: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A copy to write in, and another folder to stand in."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    copied = Recorded(shutil.copytree(made.root, tmp_path / "project"), made.trials)
    # Opened for the first time, a store that was copied is mended.
    assert copied.store
    yield copied
    forget(copied.workspace)
    assert os.listdir(elsewhere) == [], "a stray file, such as MLflow's default database"


def test_a_run_becomes_an_experiment_that_is_listed(recorded: Recorded) -> None:
    params = (recorded.root / "params.yaml").read_text(encoding="utf-8")
    lines = recorded.promote("deep")
    name = f"{LINEAR}_samples_80_model_decision_tree_max_depth_5"
    assert lines[0] == "--- /dev/null"
    assert f"+++ conf/experiment/{name}.yaml" in lines
    assert "+  - override /model: decision_tree" in lines
    assert f"+  {name}: {{}}" in lines
    assert lines[-1] == "next: dvc repro"
    new = (recorded.root / "params.yaml").read_text(encoding="utf-8")
    assert new == params + f"  {name}: {{}}\n"
    composed = Project(recorded.root).compose_all()
    assert list(composed)[-1] == name
    assert composed[name].identity == recorded.trials["deep"].identity


@pytest.mark.slow
def test_what_is_listed_already_is_refused_and_named(recorded: Recorded) -> None:
    recorded.promote("deep", "tree")
    assert "lists it already, as tree" in str(recorded.refusal("deep"))
    assert "lists it already, as tree" in str(recorded.refusal("deep", "other"))
    assert "leave other out" in str(recorded.refusal("deep", "other", champion=True))


@pytest.mark.slow
def test_a_name_that_is_taken_or_impossible_is_refused(recorded: Recorded) -> None:
    for taken in ("wine", LINEAR):
        assert f"there is an experiment {taken} already" in str(recorded.refusal("deep", taken))
    assert "no plain identifier" in str(recorded.refusal("deep", "a-b"))


@pytest.mark.slow
def test_the_file_alone_is_listed_where_nothing_deviates(recorded: Recorded) -> None:
    project = Project(recorded.root)
    plan = plan_for(project, project.compose("wine"), None)
    assert (plan.name, list(plan.files)) == ("wine", [Path("params.yaml")])
    assert plan.files[Path("params.yaml")].endswith("\n  wine: {}\n")
    # What is listed with other values needs a name of its own.
    Checkout(recorded.root).list_experiments({"wine": {"seed": 1}})
    project = Project(recorded.root)
    plain = Resolved({**project.compose("wine", ["seed=0"]).values, "label": ""})
    with pytest.raises(UserError, match="there is an experiment wine already"):
        plan_for(project, plain, None)
    plan = plan_for(project, plain, "plain")
    assert plan.files[Path("conf/experiment/plain.yaml")].endswith("defaults:\n  - wine\n")


def test_both_files_are_written_or_none(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def full(source: str, target: Path) -> None:
        if Path(target).name == "params.yaml":
            raise OSError("no space left on device")
        replace(source, target)

    before = recorded.everything()
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        recorded.promote("deep", "tree")
    assert recorded.everything() == before
    assert not list((recorded.root / "conf" / "experiment").glob(".*"))


@pytest.mark.slow
def test_a_change_since_the_run_is_said_and_does_not_hinder(recorded: Recorded) -> None:
    Checkout(recorded.root).append("src/plait/training/estimator.py", "REMARK = 1\n")
    lines = recorded.promote("deep", "tree")
    assert lines[-2:] == [
        "changed since the run: the code of train; `dvc repro` trains it anew",
        "next: dvc repro",
    ]
    # Nor are the same values listed twice because the code has changed.
    assert "lists it already, as tree" in str(recorded.refusal("deep"))


def test_a_run_that_did_not_finish_is_refused(recorded: Recorded) -> None:
    recorded.store.client.set_terminated(recorded.run_id("deep"), "FAILED")
    assert "is not finished but failed" in str(recorded.refusal("deep"))


def champion(recorded: Recorded) -> tuple[str, str]:
    """Version and run."""
    version = recorded.store.client.get_model_version_by_alias(LINEAR, CHAMPION)
    return str(version.version), version.run_id


def test_the_first_champion_has_to_beat_naive_answers_only(recorded: Recorded) -> None:
    error = recorded.refusal("hopeless", champion=True)
    assert error.status == 1
    assert "Not better than predicting the training mean." in str(error)
    assert "--force REASON overrides this" in str(error)
    lines = recorded.promote("deep", "tree", champion=True)
    assert lines[:2] == [
        f"champion of {LINEAR}: version 1, models:/{LINEAR}@champion",
        "  Better than predicting the training mean.",
    ]
    assert lines[-1] == "next: dvc repro"
    assert champion(recorded) == ("1", recorded.run_id("deep"))
    client = recorded.store.client
    version = client.get_model_version(LINEAR, "1")
    run = client.get_run(recorded.run_id("deep"))
    assert version.tags == {
        "plait.run": run.info.run_name,
        "plait.identity": recorded.trials["deep"].identity,
        BEATEN: "Better than predicting the training mean.",
    }
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert version.source == model.artifact_location
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": LINEAR, "version": 1}]


@pytest.mark.slow
def test_the_next_champion_has_to_beat_the_present_one(recorded: Recorded) -> None:
    recorded.promote("deep", "tree", champion=True)
    error = str(recorded.refusal("deep too", champion=True))
    assert "of the champion (version 1, run " in error
    assert "includes zero, so that may be chance" in error
    assert "tested on other data" in str(recorded.refusal("other rows", champion=True))
    lines = recorded.promote("solved", champion=True)
    assert any("leaves no doubt" in line for line in lines)
    assert champion(recorded) == ("2", recorded.run_id("solved"))
    tags = recorded.store.client.get_model_version(LINEAR, "2").tags
    assert "MSE is " in tags[BEATEN]
    assert FORCED not in tags


def test_a_listed_experiment_is_only_registered(recorded: Recorded) -> None:
    recorded.promote("deep", "tree")
    before = recorded.everything()[1]
    first = recorded.promote("deep", champion=True)
    again = recorded.promote("deep", champion=True)
    assert first[0].startswith(f"champion of {LINEAR}: version 1, ")
    assert again == [f"champion of {LINEAR}: version 1 already, by this run"]
    assert recorded.everything()[1] == before
    assert len(recorded.store.client.search_model_versions(f"name = '{LINEAR}'")) == 1


@pytest.mark.slow
def test_force_overrides_the_gate_and_keeps_the_reason(recorded: Recorded) -> None:
    recorded.promote("solved", champion=True)
    lines = recorded.promote("deep", "tree", champion=True, force="it can be read")
    said = "it can be read (overriding: MSE is "
    assert any(line.startswith(f"  forced: {said}") for line in lines)
    client = recorded.store.client
    assert client.get_model_version(LINEAR, "2").tags[FORCED].startswith(said)
    assert client.get_run(recorded.run_id("deep")).data.tags[FORCED].startswith(said)
    # A model is one version, whichever way it comes back.
    recorded.promote("solved", champion=True)
    assert champion(recorded)[0] == "1"
    recorded.promote("deep", champion=True, force="as I said")
    assert champion(recorded)[0] == "2"


@pytest.mark.slow
def test_force_that_was_not_needed_leaves_no_trace(recorded: Recorded) -> None:
    recorded.promote("deep", champion=True, force="just in case")
    assert FORCED not in recorded.store.client.get_model_version(LINEAR, "1").tags
    assert FORCED not in recorded.store.client.get_run(recorded.run_id("deep")).data.tags


def test_force_wants_a_reason_and_a_champion(recorded: Recorded) -> None:
    for options in ({"force": "why not"}, {"champion": True, "force": " "}):
        error = recorded.refusal("deep", **options)
        assert (error.status, "wants a reason" in str(error)) == (2, True)


@pytest.mark.slow
def test_a_run_without_model_is_refused_even_by_force(recorded: Recorded) -> None:
    client = recorded.store.client
    (output,) = client.get_run(recorded.run_id("deep")).outputs.model_outputs
    client.delete_logged_model(output.model_id)
    for force in (None, "must be"):
        error = str(recorded.refusal("deep", champion=True, force=force))
        assert "kept no model" in error
        assert "keep_models=all" in error
        assert "--fresh" in error


@pytest.mark.slow
def test_a_champion_whose_run_is_gone_cannot_be_compared(recorded: Recorded) -> None:
    recorded.promote("deep", "tree", champion=True)
    folder = recorded.store.client.get_run(recorded.run_id("deep")).info.artifact_uri
    shutil.rmtree(Path(folder) / "results")
    assert "cannot be compared" in str(recorded.refusal("solved", champion=True))
    recorded.store.client.delete_run(recorded.run_id("deep"))
    with closing(sqlite3.connect(recorded.root / "mlruns" / "mlflow.db")) as connection:
        connection.execute("DELETE FROM runs WHERE lifecycle_stage = 'deleted'")
        connection.commit()
    assert "whose run is gone" in str(recorded.refusal("solved", champion=True))


@pytest.mark.slow
def test_from_a_sweep_to_a_promoted_experiment_that_is_rebuilt(checkout: Checkout) -> None:
    """The whole way, by the commands."""
    checkout.list_experiments({LINEAR: {"data": {"samples": 80}, "trainer": {"max_epochs": 3}}})
    swept = [
        "optimizer.lr=0.01,0.1",
        "data.split.val=0.2",
        "evaluation.resamples=20",
        "seed=3",
        "sweep.name=lr",
    ]
    checkout.plait("run", "-m", f"experiment={LINEAR}", *swept)
    workspace = Workspace.at(checkout.root)
    best = find(workspace, "best:lr")
    (folder,) = (checkout.root / "outputs" / LINEAR).glob(best.tags["plait.identity"])
    metrics = (folder / "metrics.json").read_bytes()
    table = checkout.plait("runs", "--sweep", "lr").stdout.splitlines()
    assert best.run_id[:8] in table[2]
    assert table[2].startswith("* lr=0.1 ")

    said = checkout.plait("promote", "best:lr", "fast", "--champion").stdout.splitlines()
    assert said[-1] == "next: dvc repro"
    checkout.run("dvc", "repro", "record@fast")
    assert (checkout.root / "results" / "fast" / "metrics.json").read_bytes() == metrics
    after = find(workspace, "fast")
    assert after.run_id == best.run_id
    assert without_costs(after.metrics) == without_costs(best.metrics)
    assert "plait.differences" not in after.tags
    again = checkout.plait("promote", "fast", "--champion").stdout
    assert again == f"champion of {LINEAR}: version 1 already, by this run\n"
    assert not (checkout.root / "mlflow.db").exists()
