"""Several devices under everything that starts a training: DVC, `plait run`, every launcher."""

import os
import signal
from collections import Counter

import pytest

from checkouts import Checkout, copy_project
from plait.tracking.cost import without_costs
from plait.tracking.store.store import Store, open_store
from plait.workspace import Workspace
from sweeps.launching import launched, statuses, wait_for
from sweeps.test_engines import CLUSTERS, LAUNCHERS
from training.test_processes import processes_of

pytestmark = pytest.mark.slow

EPOCHS = 3
SMALL = ("data.samples=200", "evaluation.resamples=20", "trainer.precision=64-true")
SWEEP = (
    *("run", "-m", "experiment=linear_regression", "optimizer.lr=0.1,0.01", *SMALL),
    "trainer.max_epochs=40",  # so that a rank can be killed before the last
)


def store_of(checkout: Checkout) -> Store:
    return open_store(Workspace.at(checkout.root), "local", {})


def metrics_of(checkout: Checkout) -> dict[str, dict[str, float]]:
    runs = store_of(checkout).runs("")
    return {run.info.run_name: without_costs(run.data.metrics) for run in runs}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """The metrics of the sweep on one device."""
    checkout = copy_project(tmp_path_factory.mktemp("alone") / "project")
    checkout.plait(*SWEEP)
    metrics = metrics_of(checkout)
    assert len({of_run["test/mse"] for of_run in metrics.values()}) == 2
    return metrics


def test_dvc_records_one_run_with_every_epoch_once(checkout: Checkout) -> None:
    settings = {
        "data": {"samples": 200},
        "trainer": {"max_epochs": EPOCHS, "precision": "64-true", "devices": 2},
        "evaluation": {"resamples": 20},
    }
    checkout.list_experiments({"linear_regression": settings})
    checkout.run("dvc", "repro")
    store = store_of(checkout)
    (run,) = store.runs("")
    assert (run.info.status, run.data.tags["plait.devices"]) == ("FINISHED", "2 x cpu")
    history = store.client.get_metric_history(run.info.run_id, "train/loss")
    assert Counter(point.step for point in history) == Counter(range(EPOCHS))
    files = [path.path for path in store.client.list_artifacts(run.info.run_id)]
    assert len(files) == len(set(files))
    assert not list((checkout.root / ".plait" / "checkpoints").iterdir())
    # Where it runs is no part of what it is: one device has nothing to do.
    settings["trainer"]["devices"] = 1  # type: ignore[index]
    checkout.list_experiments({"linear_regression": settings})
    assert "Running stage 'train" not in checkout.run("dvc", "repro").stdout


# That the basic one does, the test below shows too, even after a rank was killed.
@pytest.mark.nightly
@pytest.mark.parametrize("names", [LAUNCHERS.keys() - CLUSTERS, CLUSTERS], ids=["here", "clusters"])
def test_every_launcher_gives_the_numbers_of_one_device(
    checkout: Checkout, names: set[str], alone: dict[str, dict[str, float]]
) -> None:
    for name in sorted(names):
        said = checkout.plait(*SWEEP, "--fresh", "trainer.devices=2", *LAUNCHERS[name])
        assert statuses(said.stdout) == {"new": 2}, name
        assert metrics_of(checkout) == alone, name
        assert {run.data.tags["plait.devices"] for run in store_of(checkout).runs("")} == {
            "2 x cpu"
        }, name


def test_a_rank_that_is_killed_fails_its_trial_and_the_others_go_on(
    checkout: Checkout, alone: dict[str, dict[str, float]]
) -> None:
    sweep = (*SWEEP, "trainer.devices=2", "trainer.checkpoint_steps=5")
    folder = checkout.root / ".plait" / "checkpoints"
    with launched(checkout, *sweep) as process:
        wait_for(lambda: any(folder.glob("*/*.ckpt")))
        (at_work,) = [path.parent for path in folder.glob("*/processes")]
        os.kill(processes_of(at_work)[1], signal.SIGKILL)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert statuses(said) == {"new": 1, "failed": 1}
    assert "process 1 of 2 was killed by SIGKILL" in said
    assert "Traceback" not in said + errors
    assert processes_of(at_work) == {}
    assert statuses(checkout.plait(*sweep).stdout) == {"resumed": 1, "reused": 1}
    runs = store_of(checkout).runs("")
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
    assert metrics_of(checkout) == alone
