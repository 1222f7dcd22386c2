"""Trials as jobs of a real SLURM: of one node, on this machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from checkouts import Checkout
from plait.tracking.store.store import open_store
from plait.workspace import Workspace
from sweeps.faults import SMALL, plant_faulty_model
from sweeps.launching import launched, statuses, wait_for
from sweeps.slurm_node import INSTALLED, slurm_node

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not INSTALLED, reason="needs Debian's slurmctld, slurmd and slurm-client"),
]

COMMAND = ("run", "-m", "experiment=linear_regression", *SMALL)
SLURM = ("hydra/launcher=slurm", "hydra.launcher.jobs=3")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with slurm_node(tmp_path_factory.mktemp("slurm") / "node") as variables:
        yield variables


def run(
    checkout: Checkout, slurm: dict[str, str], *arguments: str
) -> "subprocess.CompletedProcess[str]":
    with launched(checkout, *arguments, env=slurm) as process:
        out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def test_its_trials_have_the_bits_of_the_basic_launcher(
    slurm: dict[str, str], checkout: Checkout
) -> None:
    outputs = checkout.root / "outputs"

    def bits() -> dict[str, bytes]:
        return {
            str(path.relative_to(outputs)): path.read_bytes()
            for pattern in ("*/*/metrics.json", "*/*/curves.csv", "*/*/model/*")
            for path in outputs.glob(pattern)
        }

    command = (*COMMAND, "model=mlp", "model.dropout=0.1", "optimizer.lr=0.0001", "seed=1,2")
    assert statuses(run(checkout, slurm, *command).stdout) == {"new": 2}
    basic = bits()
    assert len(basic) == 2 * 4
    shutil.rmtree(outputs)
    said = run(checkout, slurm, "run", "--fresh", *command[1:], *SLURM)
    assert statuses(said.stdout) == {"new": 2}, said.stderr
    assert bits() == basic
    assert not list((checkout.root / ".plait/slurm").iterdir())


def test_what_kills_a_trial_or_its_job_leaves_the_others(
    slurm: dict[str, str], checkout: Checkout
) -> None:
    plant_faulty_model(checkout)
    store = open_store(Workspace.at(checkout.root), "local", {})
    command = (*COMMAND, "model=faulty", "model.fault=kill,none,sleep", *SLURM)

    def jobs() -> list[str]:
        asked = subprocess.run(
            ["squeue", "--noheader", "--format=%i"],
            env={**os.environ, **slurm},
            capture_output=True,
            text=True,
            check=True,
        )
        return asked.stdout.split()

    with launched(checkout, *command, env=slurm) as process:
        ended = {"FAILED", "FINISHED", "RUNNING"}
        wait_for(lambda: {run.info.status for run in store.runs("")} == ended, 180)
        wait_for(lambda: len(jobs()) == 1)
        subprocess.run(["scancel", *jobs()], env={**os.environ, **slurm}, check=True)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert statuses(out) == {"new": 1, "failed": 2}, out
    assert "fault=kill: its process was killed by SIGKILL" in out
    assert re.search(r"fault=sleep: its (process was terminated|job \d+ ended)", out), out
    assert sorted(run.info.status for run in store.runs("")) == ["FAILED", "FAILED", "FINISHED"]


def test_what_slurm_refuses_is_said_in_its_own_words(
    slurm: dict[str, str], checkout: Checkout
) -> None:
    said = run(checkout, slurm, *COMMAND, "seed=1,2", *SLURM, "hydra.launcher.partition=nowhere")
    assert said.returncode == 1
    assert "plait: hydra/launcher=slurm: SLURM refuses the job: invalid partition" in said.stderr
    assert "Traceback" not in said.stderr
