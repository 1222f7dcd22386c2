"""One run an identity, also where no lock keeps two machines apart."""

import subprocess
import sys
import time
from typing import Any

import psutil
import pytest

from plait.tracking import runs
from plait.tracking.live.claim import MISSED, claim, trained_elsewhere
from plait.tracking.live.live import LiveRun
from plait.tracking.query.run import get_run, runs_that
from plait.tracking.store import process
from plait.tracking.store.process import BOOT, since_boot
from plait.tracking.store.store import (
    Store,
    StoreBroken,
    StoreUnavailable,
    open_store,
    translate_errors,
)
from plait.workspace import Workspace

from .conftest import points, resolved


@pytest.fixture
def shared(workspace: Workspace) -> Store:
    """A store that is no checkout's own, so that nothing locks it."""
    return open_store(workspace, "server", tracking_of(workspace))


def tracking_of(workspace: Workspace) -> dict[str, Any]:
    return {"uri": f"sqlite:///{workspace.store / 'mlflow.db'}"}


def tags() -> dict[str, str]:
    return {"plait.identity": resolved().identity, **process.own()}


def test_the_oldest_run_stays_and_who_made_a_later_one_goes_on_with_it(shared: Store) -> None:
    experiment = shared.experiment("line")
    later, tied, oldest = (
        shared.client.create_run(experiment, at, tags()).info.run_id for at in (3000, 2000, 2000)
    )
    first, second = sorted((tied, oldest))
    kept = runs.deduplicate(shared, resolved().identity)
    assert kept.info.run_id == first
    assert [run.info.run_id for run in shared.runs("")] == [first]
    for run_id in (later, second):
        assert shared.client.get_run(run_id).info.lifecycle_stage == "deleted"
    run, created = runs.begin(shared, resolved(), tags(), 1000)
    assert (run.info.run_id, created) == (first, False)


def test_a_training_whose_run_gives_way_to_another_machines_loses_nothing(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.tracking.store.retry.BETWEEN_TRIES", 0.1)
    monkeypatch.setattr("plait.tracking.live.live.BETWEEN_WRITES", 0.1)
    tracking = {"choice": "server", **tracking_of(shared.workspace)}
    with LiveRun(shared.workspace, resolved(tracking=tracking), "1 x cpu") as run:
        run.epoch(0, {"train/loss": 1.0})
        deadline = time.monotonic() + 30
        while not list(shared.runs("")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (mine,) = shared.runs("")
        # Another machine began earlier, and has only now been heard of.
        shared.client.create_run(shared.experiment("line"), 1000, tags())
        left = runs.deduplicate(shared, resolved().identity)
        assert left.info.run_id != mine.info.run_id
        run.epoch(1, {"train/loss": 0.5})
    (only,) = shared.runs("")
    assert only.info.run_id == left.info.run_id
    assert only.info.status == "FINISHED"
    assert points(shared, only.info.run_id, "train/loss") == [(0, 1.0), (1, 0.5)]


def test_only_a_server_needs_claims_and_only_the_living_hold_them(
    shared: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.tracking.live.claim.CLAIM_DELAY", 0.0)
    now = time.time()
    assert claim(shared, resolved(), None, {"mine": "yes"})
    (run,) = runs_that(shared)
    assert run.tags["mine"] == "yes"
    assert not trained_elsewhere(run, now)
    own = open_store(shared.workspace, "local", {})
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        child = psutil.Process(other.pid)
        living = {
            "plait.pid": str(other.pid),
            "plait.pid_started": f"{child.create_time():.1f}",
            "plait.pid_boot": since_boot(child) if BOOT.exists() else "",
        }
        runs.set_tags(shared, run.run_id, living)
        run = get_run(shared, run.run_id)
        assert trained_elsewhere(run, now)
        assert not claim(shared, resolved(), run, {})
        # Of this checkout: its locks tell, or else the process does something else by now.
        assert not trained_elsewhere(get_run(own, run.run_id), now)
        assert not trained_elsewhere(run, now + MISSED + 5)
        other.communicate(b"\n")
    assert not trained_elsewhere(run, now)
    runs.set_tags(shared, run.run_id, {"plait.host": "elsewhere"})
    run = get_run(shared, run.run_id)
    assert trained_elsewhere(run, now)
    assert trained_elsewhere(get_run(own, run.run_id), now)
    assert not trained_elsewhere(run, now + 700)
    shared.client.set_terminated(run.run_id, "KILLED")
    assert claim(shared, resolved(), get_run(shared, run.run_id), {})
    run = get_run(shared, run.run_id)
    assert run.status == "RUNNING"
    assert process.is_own(run.tags)


def test_artifacts_of_a_bare_database_lie_beside_the_checkouts_own(shared: Store) -> None:
    found = shared.client.get_experiment(shared.experiment("line"))
    assert found.artifact_location == str(shared.workspace.store / "artifacts" / "line")


def test_a_store_that_refuses_is_told_from_one_that_is_silent() -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, UNAUTHENTICATED
    from requests import HTTPError

    errors = {
        MlflowException("no", UNAUTHENTICATED): (
            StoreBroken,
            "valid credentials are missing; set MLF",
        ),
        MlflowException("not yours", PERMISSION_DENIED): (StoreBroken, "refuses: not yours"),
        MlflowException("503"): (StoreUnavailable, "does not answer:\n  503"),
        HTTPError("502 for url: http://me:secret@host/x"): (StoreUnavailable, "url: http://host/x"),
    }
    for error, (kind, words) in errors.items():
        with pytest.raises(kind, match=words) as said, translate_errors("http://me:secret@host"):
            raise error
        assert type(said.value) is kind
        assert "secret" not in str(said.value)
        assert str(said.value).startswith("the tracking store http://host ")
