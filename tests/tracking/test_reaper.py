"""Runs whose process is gone."""

import time
from collections.abc import Iterator

import psutil
import pytest
from mlflow.entities import Run

from plait.tracking.store import process
from plait.tracking.store.reaper import reap
from plait.tracking.store.store import Store


def running(store: Store, tags: dict[str, str], began: float | None = None) -> str:
    at = None if began is None else int(began * 1000)
    run = store.client.create_run(store.experiment("line"), at, {**process.own(), **tags})
    return str(run.info.run_id)


def test_a_run_whose_process_lives_is_left_alone(store: Store) -> None:
    running(store, {})
    assert reap(store) == []


def a_free_pid() -> str:
    return str(next(pid for pid in range(400000, 500000) if not psutil.pid_exists(pid)))


@pytest.mark.parametrize(
    "tags",
    [
        {"plait.pid": a_free_pid()},
        {"plait.pid_started": "1000.0", "plait.pid_boot": "another 7.0"},
        {"plait.pid_started": "1000.0", "plait.pid_boot": ""},
    ],
    ids=["no such process", "a later process with the same number", "the same, by its time alone"],
)
def test_a_run_whose_process_died_is_marked_as_killed(store: Store, tags: dict[str, str]) -> None:
    run_id = running(store, tags)
    assert reap(store) == [run_id]
    run = store.client.get_run(run_id)
    assert run.info.status == "KILLED"
    assert run.info.end_time is not None
    assert "ended without saying so" in run.data.tags["plait.error"]
    assert reap(store) == []


def test_a_run_whose_process_lives_is_left_alone_when_the_clock_is_set_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot, now = psutil.boot_time(), time.time()
    running(store, {})
    # The machine seems to have started at another time, and with it every process.
    monkeypatch.setattr(psutil, "boot_time", lambda: boot - 7200)
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: boot - 7200)
    monkeypatch.setattr(time, "time", lambda: now - 7200)
    running(store, {"plait.host": "elsewhere", "plait.heartbeat": f"{now:.0f}"}, began=now)
    assert reap(store) == []


def test_a_silent_run_of_another_host_is_killed_after_ten_minutes(store: Store) -> None:
    now = time.time()
    elsewhere = {"plait.host": "elsewhere"}
    silent = running(store, {**elsewhere, "plait.heartbeat": f"{now - 660:.0f}"})
    never = running(store, elsewhere, began=now - 700)
    running(store, {**elsewhere, "plait.heartbeat": f"{now - 500:.0f}"}, began=now - 5000)
    running(store, elsewhere, began=now - 500)
    assert set(reap(store)) == {silent, never}
    reason = store.client.get_run(silent).data.tags["plait.error"]
    assert reason == "no sign of life from host elsewhere for 11 minutes"


def test_a_run_that_is_not_ours_is_left_alone(store: Store) -> None:
    store.client.create_run(store.experiment("line"), 1000)
    assert reap(store) == []


def test_a_run_that_has_ended_since_it_was_listed_is_left_alone(store: Store) -> None:
    run_id = running(store, {"plait.pid": a_free_pid()})
    listed = store.client.get_run(run_id)

    class Late(Store):
        def runs(self, condition: str) -> Iterator[Run]:
            yield listed

    store.client.set_terminated(run_id, "FINISHED")
    assert reap(Late(store.client, store.backend, store.workspace)) == []
    run = store.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert "plait.error" not in run.data.tags
