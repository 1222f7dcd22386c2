"""Sweeps, a rebuild, gc and edits at once in one checkout: each ends as if it were alone."""

import pytest

from checkouts import Checkout
from plait.config.compose import Project
from plait.sweeps.trial import trial_lock
from plait.tracking.store.store import open_store
from plait.workspace import Workspace
from sweeps.launching import launched, runs_of_sweep, statuses, wait_for

SWEEP = (
    *("run", "-m", "experiment=least_squares", "data.samples=100", "evaluation.resamples=20"),
    "data.noise=0.1",
)


def change_rebuild_and_collect(checkout: Checkout) -> None:
    # Trials are composed before the first of them runs: none may change now.
    checkout.list_experiments(
        {"least_squares": {"evaluation": {"resamples": 20}, "model": {"ridge": 1.0}}}
    )
    rebuilt = checkout.run("dvc", "repro", check=False)
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    collected = checkout.plait("gc", "--yes")
    assert "is not finished, so what its trials need is kept" in collected.stdout


@pytest.mark.slow
def test_sweeps_a_rebuild_gc_and_an_edit_leave_each_other_alone(checkout: Checkout) -> None:
    checkout.list_experiments({"least_squares": {"evaluation": {"resamples": 20}}})
    workspace = Workspace.at(checkout.root)
    store = open_store(workspace, "local", {})

    def begun() -> bool:
        written = [workspace.scratch / "sweeps" / f"{name}.json" for name in ("first", "second")]
        return all(path.exists() for path in written) and any(True for _ in store.runs(""))

    # Both sweeps wait for this trial, until everything else has happened.
    shared = Project(checkout.root).compose("least_squares", [*SWEEP[3:], "seed=2"])
    first = (*SWEEP, "seed=range(3)", "sweep.name=first")
    second = (*SWEEP, "seed=range(1,4)", "sweep.name=second")
    with launched(checkout, *first) as one, launched(checkout, *second) as other:
        with trial_lock(workspace, shared.identity):
            wait_for(begun)
            change_rebuild_and_collect(checkout)
        outs = [process.communicate(timeout=400) for process in (one, other)]
    assert [process.returncode for process in (one, other)] == [0, 0], outs
    counted = [statuses(out) for out, _ in outs]
    assert sum(count["new"] for count in counted) == 4, counted
    assert sum(count["reused"] for count in counted) == 2, counted
    trials = {
        run.info.run_id: run for name in ("first", "second") for run in runs_of_sweep(store, name)
    }
    assert len(trials) == 4
    assert {run.info.status for run in trials.values()} == {"FINISHED"}
    assert {run.data.params["model.ridge"] for run in trials.values()} == {"0.0"}
    (own,) = [run for run in store.runs("") if run.info.run_id not in trials]
    assert own.data.params["model.ridge"] == "1.0"

    # gc has cost no result: launched again, nothing is trained.
    checkout.list_experiments({"least_squares": {"evaluation": {"resamples": 20}}})
    assert statuses(checkout.plait(*first).stdout) == {"reused": 3}
