"""Data of trials: made once, shared, whole."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plait.config.resolved import Resolved
from plait.sweeps.trial_data import data_digest, trial_data
from plait.workspace import Outputs, Workspace

VALUES: dict[str, Any] = {
    "data": {"choice": "synthetic", "samples": 40, "seed": 0},
    "files": {"data/raw/rows.csv": "1f0"},
    "optimizer": {"lr": 0.1},
    "seed": 0,
    "code": {"generate": "c0de", "train": "1"},
    "packages": {"generate": {"numpy": "2.0.0"}, "train": {"torch": "2.13.0"}},
}

GENERATE = """
import os, signal, sys, time
from pathlib import Path
from plait.workspace import Workspace
from plait.config.resolved import Resolved
from plait.contents import Contents
from plait.proof.receipts import write_receipt
from plait.state import State
from plait.sweeps.trial_data import trial_data

workspace, resolved = Workspace.at(Path(sys.argv[1])), Resolved(eval(sys.argv[2]))

def generate(outputs):
    folder = outputs.data
    (folder / "train.parquet").write_text("rows")
    with Path(sys.argv[1], "generated").open("a") as log:
        log.write(f"{os.getpid()}\\n")
    time.sleep(0.3)
    if sys.argv[3:]:
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "dataset.json").write_text("{}")
    write_receipt(Contents(State.of(workspace)), resolved, "generate", outputs)

data = trial_data(workspace, resolved, generate)
assert sorted(path.name for path in data.iterdir()) == ["dataset.json", "train.parquet"]
"""


def start(root: Path, *die: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", GENERATE, str(root), repr(VALUES), *die]
    return subprocess.Popen(command, env={**os.environ, "DVC_ROOT": ""})


@pytest.mark.slow
def test_processes_that_want_the_same_data_at_once_generate_it_once(tmp_path: Path) -> None:
    processes = [start(tmp_path) for _ in range(5)]
    assert [process.wait(60) for process in processes] == [0] * 5
    assert len((tmp_path / "generated").read_text().splitlines()) == 1


@pytest.mark.slow
def test_what_a_killed_process_left_is_no_data(tmp_path: Path) -> None:
    killed, waiting = start(tmp_path, "die"), start(tmp_path, "die")
    assert {killed.wait(60), waiting.wait(60)} == {-9}
    data = Workspace.at(tmp_path).trial_data(data_digest(Resolved(VALUES)))
    assert not data.exists()
    assert start(tmp_path).wait(60) == 0
    assert list(data.parent.iterdir()) == [data]


@pytest.mark.slow
def test_data_that_somebody_has_edited_are_made_again(tmp_path: Path) -> None:
    assert start(tmp_path).wait(60) == 0
    data = Workspace.at(tmp_path).trial_data(data_digest(Resolved(VALUES)))
    (data / "train.parquet").write_text("edit")
    assert start(tmp_path).wait(60) == 0
    assert (data / "train.parquet").read_text() == "rows"


def test_a_generation_that_fails_leaves_no_data_and_says_why(tmp_path: Path) -> None:
    def generate(outputs: Outputs) -> None:
        raise ZeroDivisionError("no rows")

    workspace, resolved = Workspace(tmp_path, tmp_path), Resolved(VALUES)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            trial_data(workspace, resolved, generate)
    assert not workspace.trial_data(data_digest(resolved)).exists()


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"optimizer": {"lr": 0.5}}, True),
        ({"seed": 7}, True),
        ({"code": {"generate": "c0de", "train": "2"}}, True),
        ({"packages": {"generate": {"numpy": "2.0.0"}, "train": {"torch": "3"}}}, True),
        ({"data": {"choice": "synthetic", "seed": 0, "samples": 40}}, True),
        ({"data": {"choice": "synthetic", "samples": 41, "seed": 0}}, False),
        ({"files": {"data/raw/rows.csv": "2f0"}}, False),
        ({"code": {"generate": "other", "train": "1"}}, False),
        ({"packages": {"generate": {"numpy": "2.0.1"}, "train": {}}}, False),
    ],
)
def test_trials_share_data_exactly_if_generation_reads_the_same(
    changes: dict[str, Any], same: bool
) -> None:
    assert (data_digest(Resolved(VALUES)) == data_digest(Resolved(VALUES | changes))) is same
