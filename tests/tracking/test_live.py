"""The live run: true, whole, and never in the training's way."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from plait.config.resolved import Resolved
from plait.tracking.live import live
from plait.tracking.live.delivery import deliver_journals
from plait.tracking.live.journal import Journal, journals
from plait.tracking.live.live import LiveRun
from plait.tracking.runs import outcome
from plait.tracking.store.reaper import open_in_order
from plait.tracking.store.store import Store, open_store
from plait.tracking.tags import MEASURED_BY
from plait.workspace import Workspace

from .conftest import points, resolved

# Seconds within which a training ends that waits PATIENCE = 1 s for a store, on a machine under
# load; one that waited for the locked database itself would take a minute.
SOON = 10.0


def train(workspace: Workspace, configuration: Resolved, losses: list[float]) -> float:
    """Train with these losses; the seconds that it took."""
    began = time.monotonic()
    with LiveRun(workspace, configuration, "1 x cpu") as run:
        for epoch, loss in enumerate(losses):
            run.epoch(epoch, {"train/loss": loss, "val/loss": 2 * loss})
    return time.monotonic() - began


def the_run(store: Store) -> Any:
    (run,) = store.runs("")
    return run


def test_a_training_leaves_one_finished_run_with_everything_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = store.workspace.root
    (root / "results").mkdir()
    (root / "code.py").write_text("x = 1\n")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "code.py"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    (root / ".git" / "info" / "exclude").write_text("mlruns/\n.plait/\n")
    for rebuilt in ("dvc.lock", "results/metrics.json"):
        (root / rebuilt).write_text("{}")
    monkeypatch.setenv("DVC_EXP_NAME", "brave-name")

    train(store.workspace, resolved(), [1.0, 0.5, 0.25])

    run = the_run(store)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "lr=0.1"
    assert store.client.get_experiment(run.info.experiment_id).name == "line"
    assert points(store, run.info.run_id, "train/loss") == [(0, 1.0), (1, 0.5), (2, 0.25)]
    assert points(store, run.info.run_id, "val/loss") == [(0, 2.0), (1, 1.0), (2, 0.5)]
    assert run.data.params == {key: str(v) for key, v in resolved().parameters().items()}
    tags = run.data.tags
    assert tags["plait.identity"] == "0123456789abcdef"
    assert tags["plait.devices"] == "1 x cpu"
    assert tags["plait.host"] == socket.gethostname()
    assert tags["plait.pid"] == str(os.getpid())
    assert tags["plait.dvc_experiment"] == "brave-name"
    assert tags["mlflow.note.content"] == "A straight line through noise."
    assert tags["mlflow.source.name"] == "src/plait/pipeline/train.py"
    assert len(tags["mlflow.source.git.commit"]) == 40
    assert tags["plait.git_dirty"] == "false"
    assert {"mlflow.user", "plait.version", "plait.pid_started", "plait.heartbeat"} <= tags.keys()
    assert journals(store.workspace) == []
    # From the start, for a run that never comes to be measured says what it is of too.
    kept = store.client.download_artifacts(run.info.run_id, "config/resolved.yaml")
    assert Path(kept).read_text() == resolved().text()

    (root / "code.py").write_text("x = 2\n")
    train(store.workspace, resolved(identity="f" * 16), [1.0])
    edited = store.find_run("f" * 16)
    assert edited is not None
    assert edited.data.tags["plait.git_dirty"] == "true"


def test_the_same_identity_goes_back_into_its_run_and_doubles_no_point(store: Store) -> None:
    for losses in ([1.0, 0.5], [1.0, 0.5, 0.25], [1.0, 0.5, 0.25]):
        train(store.workspace, resolved(), losses)
    run = the_run(store)
    assert points(store, run.info.run_id, "train/loss") == [(0, 1.0), (1, 0.5), (2, 0.25)]
    assert run.info.status == "FINISHED"
    assert "plait.differences" not in run.data.tags


def test_a_measured_run_keeps_the_configuration_of_its_numbers(store: Store) -> None:
    """Trained again to be measured otherwise, it still shows what it was measured by."""
    train(store.workspace, resolved(), [1.0])
    run_id = the_run(store).info.run_id
    store.client.set_tag(run_id, MEASURED_BY, "as before")
    again = Resolved({**resolved().values, "description": "Measured otherwise."})
    train(store.workspace, again, [1.0])
    kept = store.client.download_artifacts(run_id, "config/resolved.yaml")
    assert Path(kept).read_text() == resolved().text() != again.text()


@pytest.mark.slow
def test_time_and_memory_are_those_of_the_training(store: Store) -> None:
    before = bytearray(600_000_000)
    del before
    with LiveRun(store.workspace, resolved(), "1 x cpu") as run:
        own = psutil.Process().memory_info().rss / 1e6
        held = bytearray(200_000_000)
        time.sleep(0.3)
        del held
        run.epoch(0, {"train/loss": 1.0})
    costs = the_run(store).data.metrics
    assert 0.2 < costs["cost/train_seconds"] < 30
    # A peak before the training is none of it.
    assert own + 150 < costs["cost/peak_memory_mb"] < own + 450


@pytest.mark.slow
def test_a_training_that_goes_on_has_taken_the_time_of_all_its_parts(store: Store) -> None:
    def seconds_after(*epochs: int, end: type[BaseException] | None) -> float:
        stopped = contextlib.suppress(KeyboardInterrupt)
        with stopped, LiveRun(store.workspace, resolved(), "1 x cpu") as run:
            for epoch in epochs:
                time.sleep(0.4)
                run.epoch(epoch, {"train/loss": 1.0})
            if end is not None:
                raise end
        return the_run(store).data.metrics["cost/train_seconds"]

    began = seconds_after(0, 1, end=KeyboardInterrupt)
    assert began >= 0.8
    whole = seconds_after(2, 3, end=None)
    assert whole >= began + 0.8
    # From the beginning again: what it took before is another training's.
    assert 0.4 <= seconds_after(0, end=None) < whole


def test_other_numbers_of_the_same_identity_are_told(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    train(store.workspace, resolved(), [1.0, 0.5])
    train(store.workspace, resolved(), [1.0, 0.75])
    run = the_run(store)
    line = "train/loss at step 1: 0.5 recorded, 0.75 now"
    assert line in run.data.tags["plait.differences"]
    assert line in capsys.readouterr().err
    assert points(store, run.info.run_id, "train/loss") == [(0, 1.0), (1, 0.5)]


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf"), 1 / 3])
def test_any_number_agrees_with_itself(store: Store, loss: float) -> None:
    for _ in range(2):
        train(store.workspace, resolved(), [loss])
    run = the_run(store)
    assert len(points(store, run.info.run_id, "train/loss")) == 1
    assert "plait.differences" not in run.data.tags


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (RuntimeError("loss is NaN"), "FAILED", "RuntimeError: loss is NaN"),
        (SystemExit(3), "FAILED", "exit status 3"),
        (KeyboardInterrupt(), "KILLED", "interrupted (Ctrl-C)"),
        (SystemExit(143), "KILLED", "terminated (SIGTERM)"),
        (SystemExit(0), "FINISHED", None),
        (None, "FINISHED", None),
    ],
)
def test_the_status_is_true(error: BaseException | None, status: str, reason: str | None) -> None:
    assert outcome(error) == (status, reason)


def test_a_failure_is_recorded_and_goes_on_and_a_later_success_clears_it(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), LiveRun(store.workspace, resolved(), "1 x cpu"):
        raise ZeroDivisionError("no rows")
    run = the_run(store)
    assert run.info.status == "FAILED"
    assert run.data.tags["plait.error"] == "ZeroDivisionError: no rows"
    train(store.workspace, resolved(), [1.0])
    run = the_run(store)
    assert run.info.status == "FINISHED"
    assert "plait.error" not in run.data.tags


def test_a_terminated_training_is_recorded_as_killed(store: Store) -> None:
    with pytest.raises(SystemExit), LiveRun(store.workspace, resolved(), "1 x cpu"):
        raise SystemExit(143)
    assert the_run(store).info.status == "KILLED"


@pytest.mark.slow
def test_an_identity_trains_in_one_process_at_a_time(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second waits as long as the first needs."""
    held, said = threading.Event(), ""

    def first() -> None:
        nonlocal said
        with Journal(store.workspace, resolved().identity).lock:
            held.set()
            end = time.monotonic() + 30
            while "waiting" not in said and time.monotonic() < end:
                said += capsys.readouterr().err
                time.sleep(0.05)
            assert not list(store.runs(""))

    other = threading.Thread(target=first)
    other.start()
    held.wait(30)
    train(store.workspace, resolved(), [1.0])
    other.join()
    assert "line: waiting for a process that trains exactly this" in said
    assert the_run(store).info.status == "FINISHED"


@pytest.mark.slow
def test_writes_are_batched_and_the_run_can_be_watched(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BETWEEN_WRITES", 0.2)
    writes: list[int] = []
    written = type(store.client).log_batch

    def log_batch(self: Any, run_id: str, metrics: Any = (), **others: Any) -> Any:
        if any(metric.key == "train/loss" for metric in metrics):
            writes.append(len(metrics))
        return written(self, run_id, metrics=metrics, **others)

    monkeypatch.setattr(type(store.client), "log_batch", log_batch)
    with LiveRun(store.workspace, resolved(), "1 x cpu") as run:
        for epoch in range(100):
            run.epoch(epoch, {"train/loss": 1.0})
            time.sleep(0.01)
        assert the_run(store).info.status == "RUNNING"
        assert len(points(store, the_run(store).info.run_id, "train/loss")) > 10
    assert sum(writes) == 100
    assert len(writes) <= 8


@contextlib.contextmanager
def locked(workspace: Workspace) -> Iterator[None]:
    """Hold the database as another process would that is stuck in a write."""
    code = (
        "import sqlite3, sys, time\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA locking_mode=EXCLUSIVE')\n"
        "c.execute('BEGIN EXCLUSIVE')\n"
        "print('locked', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.store / "mlflow.db")], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_a_locked_store_delays_nothing_and_is_sent_the_rest_later(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 1.0)
    with locked(workspace):
        assert train(workspace, resolved(), [1.0, 0.5, 0.25]) < SOON
    said = capsys.readouterr().err
    assert ".plait/journal/0123456789abcdef.jsonl" in said
    assert len(said.splitlines()) == 2
    for thread in threading.enumerate():
        if thread.name == "plait-tracking":
            thread.join(30)
    assert deliver_journals(workspace) == 1
    store = open_store(workspace, "local", {})
    run = the_run(store)
    assert run.info.status == "FINISHED"
    assert points(store, run.info.run_id, "train/loss") == [(0, 1.0), (1, 0.5), (2, 0.25)]
    assert deliver_journals(workspace) == 0


@pytest.mark.slow
def test_a_server_that_is_gone_delays_nothing_and_the_journal_waits(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 1.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        gone = {"choice": "server", "uri": None}
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
        assert train(workspace, resolved(tracking=gone), [1.0, 0.5]) < SOON
        assert deliver_journals(workspace) == 0
    said = capsys.readouterr().err
    assert "127.0.0.1" in said
    assert "secret" not in said
    (journal,) = journals(workspace)
    assert "secret" not in journal.path.read_text()
    # The server is back: here it is a database.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{workspace.store / 'mlflow.db'}")
    assert deliver_journals(workspace) == 1
    store = open_store(workspace, "local", {})
    assert points(store, the_run(store).info.run_id, "train/loss") == [(0, 1.0), (1, 0.5)]


def test_a_training_that_was_killed_hard_is_completed_and_marked(workspace: Workspace) -> None:
    journal = Journal(workspace, resolved().identity)
    tags = {"plait.identity": resolved().identity}
    journal.append({"begin": {"resolved": resolved().values, "tags": tags}, "at": 1000})
    journal.append({"epoch": 0, "values": {"train/loss": 1.0}, "at": 2000})
    journal.close()
    with journal.path.open("ab") as file:
        file.write(b'{"epoch": 1, "val')  # killed while writing
    assert deliver_journals(workspace) == 1
    store = open_store(workspace, "local", {})
    run = the_run(store)
    assert run.info.status == "KILLED"
    assert "killed hard" in run.data.tags["plait.error"]
    assert points(store, run.info.run_id, "train/loss") == [(0, 1.0)]


KILLED = """
import os, sys, time
from pathlib import Path
from plait.workspace import Workspace
from plait.config.resolved import Resolved
from plait.tracking.live.live import LiveRun
began = time.thread_time()
with LiveRun(Workspace.at(Path(sys.argv[1])), Resolved.read(Path(sys.argv[2])), "1 x cpu") as run:
    assert not {"mlflow.tracking", "pandas"} & set(sys.modules)
    for epoch in range(3):
        run.epoch(epoch, {"train/loss": 1.0})
    assert time.thread_time() - began < 0.5
    time.sleep(float(sys.argv[3]))
    os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 8.0], ids=["before it was sent", "after it was sent"])
def test_a_process_killed_with_kill_9_is_marked_and_loses_nothing(
    workspace: Workspace, seconds: float
) -> None:
    configuration = workspace.root / "line.yaml"
    configuration.write_text(resolved().text())
    command = [sys.executable, "-c", KILLED, str(workspace.root), str(configuration), str(seconds)]
    assert subprocess.run(command, check=False).returncode == -9
    store = open_in_order(workspace, "local", {})
    assert [run.info.status for run in store.runs("")] == ["KILLED"] * (seconds > 0)
    assert deliver_journals(workspace) == 1
    run = the_run(store)
    assert run.info.status == "KILLED"
    assert "killed hard" in run.data.tags["plait.error"]
    assert points(store, run.info.run_id, "train/loss") == [(0, 1.0), (1, 1.0), (2, 1.0)]


def test_a_training_takes_up_the_journal_of_one_that_was_killed(store: Store) -> None:
    journal = Journal(store.workspace, resolved().identity)
    tags = {"plait.identity": resolved().identity}
    journal.append({"begin": {"resolved": resolved().values, "tags": tags}, "at": 1000})
    journal.append({"epoch": 0, "values": {"train/loss": 1.0}, "at": 2000})
    journal.close()
    with journal.path.open("ab") as file:
        file.write(b'{"epoch": 1, "val')
    with LiveRun(store.workspace, resolved(), "1 x cpu") as run:
        run.epoch(1, {"train/loss": 0.5})
    found = the_run(store)
    assert found.info.status == "FINISHED"
    assert points(store, found.info.run_id, "train/loss") == [(0, 1.0), (1, 0.5)]


def test_a_journal_that_is_being_written_is_not_delivered(workspace: Workspace) -> None:
    journal = Journal(workspace, "abc")
    journal.append({"begin": {"resolved": resolved().values, "tags": {}}, "at": 1000})
    journal.close()
    with journal.lock:
        assert deliver_journals(workspace) == 0
    assert journal.path.exists()


def test_a_journal_that_cannot_be_written_does_not_stop_the_training(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    append = Journal.append

    def full(self: Journal, event: dict[str, Any]) -> None:
        if "epoch" in event:
            raise OSError(28, "No space left on device")
        append(self, event)

    monkeypatch.setattr(Journal, "append", full)
    train(store.workspace, resolved(), [1.0])
    assert "No space left on device" in capsys.readouterr().err


def test_tensorboard_shows_each_epoch_once(workspace: Workspace) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    configuration = resolved(tracking={"choice": "tensorboard"})
    for losses in ([1.0, 0.5], [1.0, 0.5, 0.25]):
        train(workspace, configuration, losses)
    events = EventAccumulator(str(workspace.store / "tensorboard" / "line" / "0123456789abcdef"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [
        (0, 1.0),
        (1, 0.5),
        (2, 0.25),
    ]
    store = open_store(workspace, "tensorboard", {})
    assert len(points(store, the_run(store).info.run_id, "train/loss")) == 3
