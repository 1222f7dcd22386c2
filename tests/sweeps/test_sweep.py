"""A sweep goes on past failures, skips what is done, and says which trial was the best."""

import re
import signal
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from checkouts import Checkout, copy_project
from plait.config.compose import Project
from plait.sweeps.trial import Trial
from plait.sweeps.worker import Worker
from plait.tracking.query.find import find
from plait.tracking.store.store import Store, open_store
from plait.workspace import Workspace
from sweeps.faults import SMALL, plant_faulty_model
from sweeps.launching import launched, runs_of_sweep, statuses, wait_for, workers_of

LINEAR = "experiment=linear_regression"
HELD_OUT = "data.split.val=0.2"


def store_of(checkout: Checkout) -> Store:
    return open_store(Workspace.at(checkout.root), "local", {})


FAULTS = ("run", "-m", LINEAR, *SMALL, "model=faulty", "sweep.name=faults")
EVERY_KIND = "model.fault=exit,memory,kill,raise,none"


@pytest.fixture(scope="module")
def failed(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Checkout, "subprocess.CompletedProcess[str]"]:
    """A checkout with a sweep of which one trial did not fail, and how it ended."""
    checkout = copy_project(tmp_path_factory.mktemp("failed") / "project")
    plant_faulty_model(checkout)
    return checkout, checkout.plait(*FAULTS, EVERY_KIND, check=False)


def test_a_sweep_goes_on_past_a_trial_that_fails(
    failed: tuple[Checkout, "subprocess.CompletedProcess[str]"],
) -> None:
    checkout, first = failed
    assert first.returncode == 1, first.stderr
    assert statuses(first.stdout) == {"new": 1, "failed": 4}
    assert "killed by SIGKILL" in first.stdout
    assert "exit status 3" in first.stdout
    assert "out of memory: cannot allocate" in first.stdout
    assert "ZeroDivisionError: a fault that was planted" in first.stdout
    assert "Traceback" not in first.stdout + first.stderr

    store = store_of(checkout)
    runs = runs_of_sweep(store, "faults")
    assert sorted(run.info.status for run in runs) == [*["FAILED"] * 4, "FINISHED"]
    reasons = {run.data.tags.get("plait.error", "") for run in runs}
    assert any("SIGKILL" in reason for reason in reasons)
    assert any("ZeroDivisionError" in reason for reason in reasons)
    assert find(Workspace.at(checkout.root), "best:faults").params["model.fault"] == "none"
    assert not any((checkout.root / ".plait/journal").glob("*.jsonl"))


@pytest.mark.slow
def test_every_kind_of_failure_is_retried_and_what_is_done_is_not(
    failed: tuple[Checkout, "subprocess.CompletedProcess[str]"],
) -> None:
    checkout, _ = failed
    again = checkout.plait(*FAULTS, EVERY_KIND, check=False)
    assert (again.returncode, statuses(again.stdout)) == (1, {"reused": 1, "failed": 4})
    # With other code they are other trials.
    checkout.edit("src/plait/models/faulty.py", "a fault that was planted", "another")
    edited = checkout.plait(*FAULTS[:-1], "model.fault=raise,none", check=False)
    assert statuses(edited.stdout) == {"new": 1, "failed": 1}
    assert Counter(run.info.status for run in store_of(checkout).runs("")) == {
        "FINISHED": 2,
        "FAILED": 5,
    }


@pytest.mark.slow
@pytest.mark.usefixtures("warm_children")
@pytest.mark.parametrize("large", [-1, 10**9])
def test_a_worker_whose_memory_is_full_of_gaps_runs_no_further_trial(
    checkout: Checkout, large: int
) -> None:
    checkout.append("src/plait/tracking/cost.py", f"\nLARGE = {large}\n")
    project = Project(checkout.root)
    worker = Worker(checkout.root)
    processes = []
    try:
        for seed in (1, 2):
            overrides = ("data.samples=100", "evaluation.resamples=20", f"seed={seed}")
            trial = Trial(project.compose("least_squares", list(overrides)), overrides)
            assert worker.run(trial, wait=False).status == "new"
            processes.append(worker._process)
    finally:
        worker.close()
    if large < 0:
        assert processes == [None, None]
    else:
        assert processes[0] is not None
        assert processes[0] is processes[1]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, str]:
    """A checkout with a sweep over rates and seeds, and what it said."""
    checkout = copy_project(tmp_path_factory.mktemp("swept") / "project")
    said = checkout.plait(
        *(
            "run",
            "-m",
            LINEAR,
            *SMALL,
            HELD_OUT,
            "optimizer.lr=0.01,0.1",
            "seed=range(3)",
            "sweep.name=s",
        ),
        "hydra/launcher=joblib",
        "hydra.launcher.jobs=2",
    )
    return checkout, said.stdout


@pytest.mark.slow
def test_the_table_shows_every_trial_the_best_and_the_repeats(
    swept: tuple[Checkout, str],
) -> None:
    _, said = swept
    lines = [line for line in said.splitlines() if re.match(r"[* ]  lr=", line)]
    assert [line[3:].split()[:2] for line in lines] == [
        [f"lr={lr}", f"seed={seed}"] for lr in ("0.01", "0.1") for seed in range(3)
    ]
    assert sum(line.startswith("*") for line in lines) == 1
    assert re.search(r"lr=0\.1: validation/mse \S+ ± \S+, test/mse \S+ ± \S+ \(3 seeds\)", said)
    assert "/#/" in said


@pytest.mark.slow
def test_trials_are_flat_runs_that_can_be_told_apart(swept: tuple[Checkout, str]) -> None:
    store = store_of(swept[0])
    runs = runs_of_sweep(store, "s")
    assert len(runs) == len(list(store.runs(""))) == 6
    assert len({run.info.run_name for run in runs}) == 6
    assert all("lr=" in run.info.run_name and "seed=" in run.info.run_name for run in runs)
    assert all("mlflow.parentRunId" not in run.data.tags for run in runs)
    assert all(run.data.tags["plait.repeats"].endswith("(3 seeds)") for run in runs)
    best = [run for run in runs if run.data.tags.get("plait.best_of") == "s"]
    assert len(best) == 1
    with_model = [run for run in runs if run.outputs and run.outputs.model_outputs]
    assert [run.info.run_id for run in with_model] == [best[0].info.run_id]


@pytest.mark.slow
def test_a_wider_sweep_reuses_trials_and_moves_the_mark(swept: tuple[Checkout, str]) -> None:
    checkout, _ = swept
    store = store_of(checkout)
    (before,) = (run for run in runs_of_sweep(store, "s") if "plait.best_of" in run.data.tags)
    wider = checkout.plait(
        *(
            "run",
            "-m",
            LINEAR,
            *SMALL,
            HELD_OUT,
            "optimizer.lr=0.01,0.1,0.2",
            "seed=0",
            "sweep.name=s",
        )
    )
    assert statuses(wider.stdout) == {"reused": 2, "new": 1}
    (after,) = (run for run in runs_of_sweep(store, "s") if "plait.best_of" in run.data.tags)
    assert after.data.params["optimizer.lr"] == "0.2"
    assert before.info.run_id != after.info.run_id
    other = checkout.plait(
        *("run", "-m", LINEAR, *SMALL, HELD_OUT, "optimizer.lr=0.2", "seed=0,1", "sweep.name=t")
    )
    assert statuses(other.stdout) == {"reused": 1, "new": 1}
    shared = store.client.get_run(after.info.run_id)
    assert shared.data.tags["plait.sweep"] == "s, t"


@pytest.mark.slow
def test_every_model_is_kept_where_that_is_asked_for(checkout: Checkout) -> None:
    command = ("run", "-m", LINEAR, *SMALL, "seed=0,1")
    checkout.plait(*command, "sweep.keep_models=none")
    store = store_of(checkout)
    assert not any(run.outputs and run.outputs.model_outputs for run in store.runs(""))
    checkout.plait(*command, "sweep.keep_models=all")
    assert all(run.outputs.model_outputs for run in store.runs(""))


@pytest.mark.slow
def test_launchers_that_want_the_same_trials_share_them(checkout: Checkout) -> None:
    command = ("run", "-m", LINEAR, *SMALL, "seed=range(4)")
    with ThreadPoolExecutor(4) as pool:
        said = [pool.submit(checkout.plait, *command) for _ in range(4)]
        counted = [statuses(one.result().stdout) for one in said]
    assert sum(count["new"] for count in counted) == 4, counted
    assert sum(count["reused"] for count in counted) == 12, counted
    runs = list(store_of(checkout).runs(""))
    assert [run.info.status for run in runs] == ["FINISHED"] * 4
    for run in runs:
        assert len(run.outputs.model_outputs if run.outputs else []) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "status", "launcher"),
    [
        (signal.SIGINT, 130, ["hydra/launcher=basic"]),
        (signal.SIGTERM, 143, ["hydra/launcher=joblib", "hydra.launcher.jobs=2"]),
    ],
)
def test_asked_to_end_it_ends_its_trials_and_workers(
    checkout: Checkout, sent: signal.Signals, status: int, launcher: list[str]
) -> None:
    plant_faulty_model(checkout)
    command = ("run", "-m", LINEAR, *SMALL, "model=faulty", "model.fault=sleep", "seed=0,1,2")
    count = 2 if "hydra/launcher=joblib" in launcher else 1
    with launched(checkout, *command, *launcher) as process:
        wait_for(lambda: len(list(store_of(checkout).runs(""))) == count)
        workers = workers_of(process)
        assert len(workers) == count
        process.send_signal(sent)
        _, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert "Traceback" not in err
    assert not any(worker.is_running() for worker in workers)
    assert [run.info.status for run in store_of(checkout).runs("")] == ["KILLED"] * count
