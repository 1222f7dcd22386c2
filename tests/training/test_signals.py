"""A training that is asked to stop says so by its exit status, and can be gone on with."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.utilities.combined_loader import CombinedLoader

from checkouts import Checkout
from plait.config.compose import Project, write_resolved
from plait.signals import end_at_sigterm
from plait.workspace import Workspace
from training.fitting import Lab, leave_inputs

ENDLESS = {
    "trainer": {"max_epochs": 1_000_000, "checkpoint_minutes": 0},
    "data": {"samples": 60},
}


def start(root: Path) -> subprocess.Popen[str]:
    """`train`, as DVC starts it."""
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    environment.pop("DVC_ROOT", None)
    return subprocess.Popen(
        [sys.executable, "-m", "plait.pipeline.train", "linear_regression"],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_sigterm_exits_143_and_ctrl_c_130_and_neither_leaves_a_model(
    checkout: Checkout, tmp_path: Path
) -> None:
    started = {}
    for number, seed in ((signal.SIGTERM, 0), (signal.SIGINT, 1)):
        # Another seed is another identity: the two do not meet.
        checkout.list_experiments({"linear_regression": {**ENDLESS, "seed": seed}})
        write_resolved(checkout.root / "resolved", Project(checkout.root).compose_all())
        workspace = Workspace.at(checkout.root)
        resolved = Project(checkout.root).compose("linear_regression")
        leave_inputs(workspace, resolved)
        checkpoint = workspace.checkpoints(resolved.identity)
        process = start(checkout.root)
        wait_for(checkpoint, process)
        started[number] = process, checkpoint
    for number, (process, _) in started.items():
        process.send_signal(number)
    for number, (process, checkpoint) in started.items():
        output, errors = process.communicate(timeout=60)
        expected = {signal.SIGTERM: 143, signal.SIGINT: 130}[number]
        assert process.returncode == expected, output + errors
        assert "Traceback" not in errors
        said = r"linear_regression: stopped at epoch \d+, step \d+; launched again, it goes on"
        assert len(re.findall(said, errors)) == 1, errors
        assert list(checkpoint.glob("*.ckpt"))
    assert not (checkout.root / "results" / "linear_regression" / "model").exists()


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while not list(path.glob("*.ckpt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_one_that_comes_while_lightning_sets_up_is_obeyed(
    asked: signal.Signals, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(loader: CombinedLoader) -> Any:
        os.kill(os.getpid(), asked)
        raise AssertionError("it went on")

    # Lightning cannot tear down what is set up so far.
    monkeypatch.setattr(CombinedLoader, "__iter__", stopped)
    end_at_sigterm()
    # Jobs that a shell starts in the background ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises((SystemExit, KeyboardInterrupt)) as end:
        lab.fit("linear_regression", "trainer.max_epochs=2", checkpoints=tmp_path)
    if asked == signal.SIGTERM:
        assert isinstance(end.value, SystemExit)
        assert end.value.code == 143
    else:
        assert isinstance(end.value, KeyboardInterrupt)
