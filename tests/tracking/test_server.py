"""MLflow's own server: as a tracking store, and as the UI on the checkout's store."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from plait.artifacts import write_text
from plait.tracking.query.load import load
from plait.tracking.record.record import record
from plait.tracking.store.store import open_store
from plait.tracking.ui import ui_command
from plait.workspace import Workspace

from .conftest import points, resolved
from .outputs import frame, write_outputs
from .test_live import train


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(command: list[str], port: int, folder: Path) -> Iterator[str]:
    """Run a server until the block ends; its address."""
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()
                assert time.monotonic() < deadline, (folder / "server.log").read_text()
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_a_server_takes_the_live_run_its_completion_and_gives_it_back(
    empty: Workspace, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", "sqlite:///server.db"),
        *("--artifacts-destination", str(folder / "artifacts")),
        *("--port", str(port), "--workers", "1"),
    ]
    with serving(command, port, folder) as address:
        # Somebody else's address in the environment must not be taken for it.
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        configuration = resolved(tracking={"choice": "server", "uri": address})
        train(empty, configuration, [1.0, 0.5])
        outputs = write_outputs(empty.root)
        facts: dict[str, str] = {}
        runs = [
            record(empty, configuration, outputs, lambda told: facts.update(told) or {})
            for _ in range(2)
        ]
        assert runs[0] == runs[1]
        assert not runs[0].created
        assert facts["run_link"].startswith(f"{address}/#/experiments/")
        store = open_store(empty, "server", {"uri": address})
        expected = [(0, 1.0), (1, 0.5), (2, 0.25)]
        assert points(store, runs[0].run_id, "train/loss") == expected
        write_text(empty.resolved("line"), configuration.text())
        loaded = load("line", empty.root)
        assert loaded.run_id == runs[0].run_id
        assert len(loaded.model.predict(frame())) == 40
        assert len(loaded.predictions) == 40
    assert not empty.store.exists()


@pytest.mark.slow
def test_the_ui_shows_the_store(workspace: Workspace, tmp_path: Path) -> None:
    store, port = open_store(workspace, "local", {}), free_port()
    store.experiment("line")
    command = ui_command(store.backend.uri, workspace, port, "127.0.0.1")
    with serving(command, port, tmp_path) as address:
        query = f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=line"
        with urllib.request.urlopen(query, timeout=20) as answer:
            assert b'"line"' in answer.read()
