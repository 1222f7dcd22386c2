"""Opening the store."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plait.config.registry import settings_of
from plait.errors import UserError
from plait.tracking.live.live import LiveRun
from plait.tracking.query.run import RecordedRun
from plait.tracking.registry import Candidate, champion_of, make_champion
from plait.tracking.store import retry
from plait.tracking.store.backend import backend_of, without_credentials
from plait.tracking.store.store import Store, open_store
from plait.workspace import Workspace

from .conftest import forget, points, resolved

OPEN = """
import sys
import time
from pathlib import Path
from plait.workspace import Workspace
from plait.tracking.store.store import open_store
store = open_store(Workspace.at(Path(sys.argv[1])), "local", {})
run = store.client.create_run(store.experiment("line"))
store.client.log_metric(run.info.run_id, "x", 1.0)
"""

OFFLINE = """
import socket
def refuse(self, address):
    raise AssertionError(f"network: {address}")
socket.socket.connect = refuse
socket.getaddrinfo = lambda *arguments, **_: refuse(None, arguments)
"""


def start(root: Path, code: str = OPEN) -> "subprocess.Popen[str]":
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "DVC_ROOT")}
    environment = {
        key: value for key, value in environment.items() if not key.startswith(("MLFLOW", "PYTEST"))
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.slow
def test_a_new_store_is_made_quietly_without_network_in_wal_mode(empty: Workspace) -> None:
    process = start(empty.root, OFFLINE + OPEN)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "", "")
    connection = sqlite3.connect(empty.store / "mlflow.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert not list(empty.store.glob("*unfinished*"))


@pytest.mark.slow
def test_six_processes_open_a_missing_store_at_once(empty: Workspace) -> None:
    processes = [start(empty.root) for _ in range(6)]
    for process in processes:
        assert process.communicate(timeout=120) == ("", "")
    assert [process.returncode for process in processes] == [0] * 6
    store = open_store(empty, "local", {})
    assert len(list(store.runs(""))) == 6
    assert [e.name for e in store.client.search_experiments()] == ["line", "Default"]
    forget(empty)


def test_artifacts_lie_beside_the_database(store: Store) -> None:
    found = store.client.get_experiment(store.experiment("line"))
    assert found.artifact_location == str(store.workspace.anchor / "mlruns" / "artifacts" / "line")


def test_a_deleted_experiment_comes_back_when_it_is_run_again_without_what_was_deleted(
    store: Store,
) -> None:
    first = store.experiment("line")
    before, with_it = (
        store.client.create_run(first, tags={"plait.identity": "f00"}).info.run_id for _ in range(2)
    )
    store.client.delete_run(before)
    store.client.delete_experiment(first)
    assert store.experiment("line") == first
    assert store.client.get_experiment(first).lifecycle_stage == "active"
    for run_id in (before, with_it):
        assert store.client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert store.find_run("f00") is None


def test_a_finished_run_goes_before_one_that_runs_and_both_before_a_killed_one(
    store: Store,
) -> None:
    killed, running, finished, later = (
        store.client.create_run(store.experiment("line"), at, {"plait.identity": "f00"}).info.run_id
        for at in (1000, 2000, 3000, 4000)
    )
    store.client.set_terminated(killed, "KILLED")
    for expected, newly in ((running, later), (later, finished), (finished, None)):
        found = store.find_run("f00")
        assert found is not None
        assert found.info.run_id == expected
        if newly is not None:
            store.client.set_terminated(newly, "FINISHED")


def test_an_experiment_that_is_deleted_while_it_trains_gets_the_whole_run_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "BETWEEN_TRIES", 0.05)
    old = store.client.create_run(store.experiment("line"), 1000).info.run_id
    with LiveRun(store.workspace, resolved(), "1 x cpu") as run:
        run.epoch(0, {"train/loss": 1.0})
        while (first := store.find_run(resolved().identity)) is None:
            time.sleep(0.02)
        store.client.delete_experiment(first.info.experiment_id)
        run.epoch(1, {"train/loss": 0.5})
    (left,) = store.runs("")
    assert left.info.run_id not in (old, first.info.run_id)
    assert left.info.status == "FINISHED"
    assert points(store, left.info.run_id, "train/loss") == [(0, 1.0), (1, 0.5)]


def test_the_registry_is_that_of_the_store_whatever_the_environment_says(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'nowhere.db'}")
    store = open_store(workspace, "local", {})
    run = store.client.create_run(
        store.experiment("line"), tags={"plait.identity": "f00"}, run_name="lr=0.1"
    )
    model = store.client.create_logged_model(run.info.experiment_id, "line")
    made = make_champion(
        Candidate(RecordedRun(store, run), model.model_id, "line"), "nothing", None
    )
    assert champion_of(store, "line") == made
    monkeypatch.delenv("MLFLOW_REGISTRY_URI")
    assert champion_of(open_store(workspace, "local", {}), "line") == made
    assert not list(tmp_path.glob("*where.db"))


def test_the_oldest_run_of_an_identity_wins_and_deleted_ones_do_not_count(store: Store) -> None:
    tags = {"plait.identity": "f00"}
    old, older, deleted = (
        store.client.create_run(store.experiment(name), at, tags).info.run_id
        for name, at in (("line", 3000), ("other", 2000), ("line", 1000))
    )
    store.client.delete_run(deleted)
    assert old != older
    found = store.find_run("f00")
    assert found is not None
    assert found.info.run_id == older
    assert store.find_run("ba5") is None


def test_a_moved_checkout_keeps_its_history(workspace: Workspace, tmp_path: Path) -> None:
    first = Workspace.at(shutil.copytree(workspace.root, tmp_path / "first"))
    store = open_store(first, "local", {})
    run = store.client.create_run(store.experiment("line"))
    store.client.log_text(run.info.run_id, "content", "note.txt")
    model = store.client.create_logged_model(run.info.experiment_id, "model")
    store.client.create_registered_model("champion")
    store.client.create_model_version("champion", model.artifact_location)
    elsewhere = store.client.create_experiment("elsewhere", "/srv/artifacts")
    forget(first)

    moved = Workspace.at(first.root.rename(tmp_path / "moved"))
    store = open_store(moved, "local", {})
    path = store.client.download_artifacts(run.info.run_id, "note.txt")
    assert Path(path).read_text() == "content"
    assert store.client.get_experiment(elsewhere).artifact_location == "/srv/artifacts"
    forget(moved)
    connection = sqlite3.connect(moved.store / "mlflow.db")
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert str(first.root) not in dump
    assert dump.count(str(moved.root)) >= 5


def test_a_server_needs_an_address(empty: Workspace) -> None:
    with pytest.raises(UserError, match="MLFLOW_TRACKING_URI"):
        open_store(empty, "server", {"uri": None})


def test_the_environment_names_the_server_and_its_credentials_are_not_shown(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@host:5000/x")
    backend = backend_of(empty, "server", {"uri": None})
    assert backend.uri == "https://me:secret@host:5000/x"
    assert backend.shown == "https://host:5000/x"
    text = "no route to postgresql://me:s3:cr=t@host/db (http://a@b/)"
    assert without_credentials(text) == "no route to postgresql://host/db (http://b/)"


def test_credentials_in_the_configuration_are_refused_and_not_repeated() -> None:
    settings = settings_of("tracking", "server")
    with pytest.raises(ValueError, match="MLFLOW_TRACKING_USERNAME") as refusal:
        settings(uri="https://me:secret@host")
    assert "secret" not in refusal.value.errors()[0]["msg"]  # type: ignore[attr-defined]
    settings(uri="https://host/a@b")


def test_a_missing_tensorboard_is_said_with_the_cure(
    empty: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.config.extras.installed_version", lambda name: None)
    with pytest.raises(UserError, match=r"tracking: tensorboard: needs tensorboard, .*'\.\[tenso"):
        backend_of(empty, "tensorboard", {})
