"""A team's server for real: PostgreSQL, and `mlflow server` on it, which fails at times."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from checkouts import ROOT, Checkout
from plait.artifacts import write_text
from plait.tracking.live.delivery import deliver_journals
from plait.tracking.live.journal import journals
from plait.tracking.query.load import load
from plait.tracking.record.record import record
from plait.tracking.store.store import Store, StoreUnavailable, open_store
from plait.workspace import Workspace
from warm.start import warm_python

from .conftest import points, resolved
from .outputs import write_outputs
from .test_live import train
from .test_server import free_port

SCRIPT = ROOT / "scripts" / "tracking_server"

PASSWORD = "correct-horse-battery-staple"

EPOCHS = 200

pytestmark = pytest.mark.slow

needs_postgres = pytest.mark.skipif(
    not (list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("pg_isready")),
    reason="needs PostgreSQL: apt-get install postgresql",
)

TRAIN = f"""
import sys, time
from pathlib import Path
from plait.workspace import Workspace
from plait.tracking.live.live import LiveRun
from tracking.conftest import resolved

root, identity, tracking, seconds = sys.argv[1:]
configuration = resolved(identity=identity, tracking=eval(tracking))
with LiveRun(Workspace.at(Path(root)), configuration, "1 x cpu") as run:
    for epoch in range({EPOCHS}):
        run.epoch(epoch, {{"train/loss": 1 / (epoch + 1), "val/loss": 2 / (epoch + 1)}})
        time.sleep(float(seconds) / {EPOCHS})
"""

CLAIM = """
import sys, time
from pathlib import Path
from plait.workspace import Workspace
from plait.tracking.live.claim import claim
from plait.tracking.query.run import run_of_identity
from plait.tracking.store.store import open_store
from tracking.conftest import resolved

root, folder, address, number = sys.argv[1:]
store = open_store(Workspace.at(Path(root)), "server", {"uri": address})
for turn in range(6):
    identity = f"race-{turn}"
    Path(folder, f"{identity}-{number}").touch()
    while len(list(Path(folder).glob(f"{identity}-*"))) < 8:
        time.sleep(0.001)
    found = run_of_identity(store, identity)
    if claim(store, resolved(identity=identity), found, {"claimed": number}):
        print(turn)
"""

RECORD = """
import sys
from pathlib import Path
from plait.artifacts import write_text
from plait.workspace import Outputs, Workspace
from plait.errors import exit_with
from plait.tracking.live.live import LiveRun
from plait.tracking.record.record import record
from tracking.conftest import resolved

root, uri = Path(sys.argv[1]), sys.argv[2] or None
configuration = resolved(tracking={"choice": "server", "uri": uri})
workspace = Workspace.at(root)
write_text(workspace.resolved("line"), configuration.text())
outputs = Outputs(root / "data" / "generated" / "line", root / "results" / "line")

def report(facts):
    write_text(root / "report.html", repr(facts))
    return {"report.html": root / "report.html"}

def stages():
    with LiveRun(workspace, configuration, "1 x cpu") as run:
        run.epoch(0, {"train/loss": 1.0})
    record(workspace, configuration, outputs, report)

exit_with(stages)
"""


@dataclass(frozen=True)
class Server:
    """A running ``scripts/tracking_server up``."""

    folder: Path
    address: str

    @property
    def tracking(self) -> dict[str, Any]:
        return {"choice": "server", "uri": self.address}

    def tell(self, verb: str) -> None:
        subprocess.run([sys.executable, SCRIPT, verb, self.folder], check=True)

    def kill(self) -> None:
        """As a machine's end does it, in the middle of whatever it was doing."""
        said = json.loads((self.folder / "running.json").read_text())
        os.killpg(said["mlflow"], signal.SIGKILL)

    def store(self, workspace: Workspace) -> Store:
        return open_store(workspace, "server", {"uri": self.address})

    def dump(self, database: str) -> str:
        """All that PostgreSQL keeps."""
        command = ["pg_dump", "-h", self.folder / "database", "-U", "mlflow", database]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def served(*options: str, env: dict[str, str] | None = None) -> Iterator[Server]:
    """Run the script as long as the block lasts."""
    # PostgreSQL does not run as root, and its own user cannot reach pytest's folders.
    folder, port = Path(tempfile.mkdtemp(prefix="plait-server-")), free_port()
    folder.chmod(0o711)
    command = [sys.executable, SCRIPT, "up", folder / "kept", "--port", str(port), *options]
    process = subprocess.Popen(
        [*command, "--", "--workers", "2"],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = f"http://127.0.0.1:{port}"
        assert line == f"MLflow: {address} (Ctrl-C ends it)\n"
        yield Server(folder / "kept", address)
    finally:
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 0
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served() as running:
        yield running


def start(
    code: str, *arguments: object, env: dict[str, str] | None = None, cwd: Path = ROOT
) -> Any:
    environment = {key: value for key, value in os.environ.items() if key != "DVC_ROOT"}
    return subprocess.Popen(
        [warm_python(), "-c", code, *map(str, arguments)],
        cwd=cwd,
        env={**environment, "PYTHONPATH": f"{ROOT}/src:{ROOT}/tests", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_trainings(
    workspace: Workspace, prefix: str, count: int, tracking: dict[str, Any], seconds: float
) -> list[Any]:
    return [
        start(TRAIN, workspace.root, f"{prefix}-{number}", tracking, seconds)
        for number in range(count)
    ]


def check_trainings(store: Store, prefix: str, processes: list[Any]) -> None:
    """All ended well; whatever still waits is delivered, and then everything is there once."""
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert (process.returncode, output) == (0, "")
        assert "Traceback" not in errors
    deadline = time.monotonic() + 120
    while journals(store.workspace):
        deliver_journals(store.workspace)
        assert time.monotonic() < deadline
    for number in range(len(processes)):
        identity = f"{prefix}-{number}"
        (run,) = store.runs(f"tags.`plait.identity` = '{identity}'")
        assert run.info.status == "FINISHED"
        assert "plait.error" not in run.data.tags
        assert "plait.differences" not in run.data.tags
        for key, factor in (("train/loss", 1), ("val/loss", 2)):
            expected = [(epoch, factor / (epoch + 1)) for epoch in range(EPOCHS)]
            assert points(store, run.info.run_id, key) == expected


def test_eight_trainings_at_once_lose_and_double_no_point_in_the_embedded_store(
    empty: Workspace,
) -> None:
    processes = start_trainings(empty, "local", 8, {"choice": "local"}, 15)
    for process in processes:
        process.wait(300)
    check_trainings(open_store(empty, "local", {}), "local", processes)


@needs_postgres
def test_eight_trainings_at_once_lose_and_double_no_point_on_the_server(
    empty: Workspace, server: Server
) -> None:
    processes = start_trainings(empty, "server", 8, server.tracking, 15)
    check_trainings(server.store(empty), "server", processes)
    assert not empty.store.exists()


@needs_postgres
@pytest.mark.parametrize(
    # A killed one takes minutes to come back: the night waits for it.
    "how",
    ["stopped", pytest.param("killed", marks=pytest.mark.nightly)],
)
def test_a_server_that_goes_in_the_middle_and_comes_back_loses_nothing(
    empty: Workspace, server: Server, how: str
) -> None:
    processes = start_trainings(empty, how, 4, server.tracking, 30)
    store = server.store(empty)
    deadline = time.monotonic() + 120
    while not all(store.find_run(f"{how}-{number}") for number in range(4)):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    if how == "stopped":
        server.tell("stop")
        time.sleep(8)
        server.tell("start")
    else:
        for _ in range(3):
            server.kill()
            server.tell("start")  # which waits until it answers: `up` starts it again by itself
            time.sleep(2)
    check_trainings(store, how, processes)


@needs_postgres
def test_a_sweep_of_eight_at_once_goes_on_when_the_server_goes_and_comes_back(
    checkout: Checkout, server: Server
) -> None:
    rates = [f"0.00{number}" for number in range(1, 9)]
    sweep = start(
        "from plait.cli import main; main()",
        *("run", "-m", "experiment=linear_regression", f"trainer.max_epochs={EPOCHS}"),
        *("tracking=server", f"tracking.uri={server.address}", f"optimizer.lr={','.join(rates)}"),
        *("hydra/launcher=joblib", "hydra.launcher.jobs=8"),
        env={"PYTHONPATH": str(checkout.root / "src")},
        cwd=checkout.root,
    )
    store = server.store(Workspace.at(checkout.root))
    deadline = time.monotonic() + 300
    while not list(store.runs("tags.`plait.experiment` = 'linear_regression'")):
        assert sweep.poll() is None, sweep.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    server.tell("stop")
    time.sleep(8)
    server.tell("start")
    output, errors = sweep.communicate(timeout=500)
    assert sweep.returncode == 0, output + errors
    assert ": 8 new; " in output
    runs = list(store.runs("tags.`plait.experiment` = 'linear_regression'"))
    assert sorted(run.data.params["optimizer.lr"] for run in runs) == rates
    for run in runs:
        assert run.info.status == "FINISHED"
        assert "plait.differences" not in run.data.tags
        steps = [step for step, _ in points(store, run.info.run_id, "train/loss")]
        assert steps == list(range(EPOCHS))
    assert not checkout.has_runs()


@needs_postgres
def test_what_was_trained_and_recorded_without_the_server_is_sent_when_it_is_back(
    empty: Workspace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.tracking.live.live.PATIENCE", 1.0)
    configuration = resolved(identity="without", tracking=server.tracking)
    outputs = write_outputs(empty.root)
    server.tell("stop")
    try:
        train(empty, configuration, [1.0, 0.5, 0.25])
        with pytest.raises(StoreUnavailable, match="does not answer"):
            record(empty, configuration, outputs, lambda facts: {})
        assert len(journals(empty)) == 1
    finally:
        server.tell("start")
    recorded = record(empty, configuration, outputs, lambda facts: {})
    assert journals(empty) == []
    store = server.store(empty)
    run = store.client.get_run(recorded.run_id)
    assert run.info.status == "FINISHED"
    assert "plait.restored" not in run.data.tags
    assert points(store, recorded.run_id, "train/loss") == [(0, 1.0), (1, 0.5), (2, 0.25)]
    write_text(empty.resolved("line"), configuration.text())
    assert len(load("line", empty.root).predictions) == 40


@needs_postgres
def test_of_eight_machines_that_want_the_same_training_at_once_one_has_it(
    server: Server, tmp_path: Path
) -> None:
    store = server.store(Workspace.at(tmp_path))
    for turn in (4, 5):
        # Half-trained by a machine that has gone: to be gone on with.
        tags = {"plait.identity": f"race-{turn}"}
        half = store.client.create_run(store.experiment("line"), 1000, tags)
        store.client.set_terminated(half.info.run_id, "KILLED")
    processes = []
    for number in range(8):
        (tmp_path / f"machine-{number}").mkdir()
        processes.append(
            start(CLAIM, tmp_path / f"machine-{number}", tmp_path, server.address, number)
        )
    claimed: list[str] = []
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, "")
        claimed += output.split()
    assert sorted(claimed) == [str(turn) for turn in range(6)]
    ever = 0
    for turn in range(6):
        condition = f"tags.`plait.identity` = 'race-{turn}'"
        (left,) = store.runs(condition)
        everything = store.client.search_runs(store.experiment_ids(), condition, 3)
        oldest = min(everything, key=lambda run: (run.info.start_time, run.info.run_id))
        assert left.info.run_id == oldest.info.run_id
        assert left.info.status == "RUNNING"
        ever += len(everything)
    assert ever > 6, "no two processes met: this run of the test shows nothing"


@needs_postgres
def test_credentials_open_the_server_and_are_written_nowhere(tmp_path: Path) -> None:
    admin = {"MLFLOW_AUTH_ADMIN_USERNAME": "chief", "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD}
    with served("--auth", env=admin) as server:
        in_variables = {"MLFLOW_TRACKING_USERNAME": "chief", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
        in_address = server.address.replace("//", f"//chief:{PASSWORD}@")
        cases: dict[str, tuple[str, dict[str, str], bool]] = {
            "variables": (server.address, in_variables, True),
            "address": ("", {"MLFLOW_TRACKING_URI": in_address}, True),
            "missing": (server.address, {}, False),
            "wrong": (server.address, in_variables | {"MLFLOW_TRACKING_USERNAME": "me"}, False),
        }
        processes = {}
        for name, (uri, env, _) in cases.items():
            (tmp_path / name).mkdir()
            write_outputs(tmp_path / name)
            processes[name] = start(RECORD, tmp_path / name, uri, env=env)
        for name, (_, _, opens) in cases.items():
            output, errors = processes[name].communicate(timeout=300)
            assert PASSWORD not in output + errors
            assert processes[name].returncode == (0 if opens else 1)
            if opens:
                assert (output, errors) == ("", "")
            else:
                assert errors.splitlines()[-1] == (
                    f"plait: the tracking store {server.address} refuses: valid credentials are"
                    " missing; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
                )
                assert list((tmp_path / name / ".plait" / "journal").glob("*.jsonl"))
        dumps = server.dump("mlflow") + server.dump("mlflow_auth")
        files = [*tmp_path.rglob("*"), *server.folder.rglob("*")]
        written = {path: path.read_bytes() for path in files if path.is_file()}
    assert "plait.identity" in dumps
    assert {"MLmodel", "report.html", "mlflow.log"} <= {path.name for path in written}
    assert PASSWORD not in dumps
    assert [path for path in written if PASSWORD.encode() in written[path]] == []
