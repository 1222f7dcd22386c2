"""Same seed, same bits: on a rerun, with other threads, with loader workers."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import psutil
import pytest

from checkouts import Checkout
from plait.config.compose import Project, write_resolved
from plait.workspace import Workspace
from training.fitting import CASES, Lab, OtherProcess, equal_weights, files_of, leave_inputs

DROPOUT = CASES["dropout"]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_another_process_with_other_threads_leaves_the_same_bytes(
    lab: Lab, other_process: OtherProcess, tmp_path: Path, case: str
) -> None:
    lab.fit_case(case, tmp_path)
    mine, theirs = files_of(tmp_path / case), files_of(other_process.folder / case)
    assert mine.keys() == theirs.keys()
    for name, content in mine.items():
        assert content == theirs[name], name


@pytest.mark.slow
def test_an_estimator_is_fitted_by_the_threads_that_are_set(checkout: Checkout) -> None:
    """Also the first of a process, whose libraries are loaded when it is built; the file of a
    gradient boosting tells how many threads there were.
    """
    values = {"model": "gradient_boosting", "data": {"samples": 60}}
    checkout.list_experiments({"linear_regression": values})
    workspace = Workspace.at(checkout.root)
    write_resolved(checkout.root / "resolved", Project(checkout.root).compose_all())
    leave_inputs(workspace, Project(checkout.root).compose("linear_regression"))
    subprocess.run(
        [sys.executable, "-m", "plait.pipeline.train", "linear_regression"],
        cwd=checkout.root,
        env={**os.environ, "PYTHONPATH": str(checkout.root / "src")},
        check=True,
    )
    model = workspace.outputs("linear_regression")["model"]
    with zipfile.ZipFile(model / "estimator.skops") as estimator:
        schema = estimator.read("schema.json").decode()
    (threads,) = re.findall(r'"n_threads": {[^}]*"content": "(\d+)"', schema)
    assert threads == "1"


@pytest.mark.slow
def test_training_is_silent_in_a_pipe(other_process: OtherProcess) -> None:
    assert other_process.output == ""


def test_worker_processes_change_no_bit_and_end_with_the_training(lab: Lab) -> None:
    here, before = lab.fit(*DROPOUT), psutil.Process().children()
    there = lab.fit(*DROPOUT, "trainer.num_workers=2")
    assert here.curves == there.curves
    assert equal_weights(here, there)
    assert set(psutil.Process().children()) <= set(before)


def test_what_ran_before_in_the_process_changes_no_bit(lab: Lab) -> None:
    import numpy as np
    import torch

    first = lab.fit(*DROPOUT)
    torch.rand(7)
    np.random.rand(7)
    torch.set_num_threads(2)
    again = lab.fit(*DROPOUT)
    assert first.curves == again.curves
    assert equal_weights(first, again)


@pytest.mark.slow
def test_another_seed_gives_other_weights(lab: Lab) -> None:
    first, other = lab.fit(*DROPOUT), lab.fit(*DROPOUT, "seed=1")
    assert first.curves != other.curves
    assert not equal_weights(first, other)
