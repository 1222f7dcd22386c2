"""Two scores are comparable where they are of the same rows."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from checkouts import Checkout
from plait.config.resolved import Resolved
from plait.sweeps.measured_on import measured_on
from plait.sweeps.trial_data import data_digest
from plait.tracking.query.find import find
from plait.tracking.store.store import Store, open_store
from plait.tracking.tags import VALIDATED_ON
from plait.workspace import Workspace
from sweeps.launching import runs_of_sweep, statuses
from tracking.conftest import resolved
from tracking.outputs import dataset_of

SOURCE = {"code": {"generate": "c0de"}, "packages": {"generate": {}}}


def no_store(resolved: Resolved) -> Store:
    raise AssertionError("the store is not needed for this")


def rows_of(
    root: Path, identity: str, truth: list[Any], *, rows: tuple[int, ...] = (3, 5), **changes: Any
) -> str:
    """Of a trial whose predictions lie in its folder."""
    configuration = resolved(identity=identity, **SOURCE | changes)
    folder = root / "outputs/line" / identity / "evaluation"
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"row": list(rows), "truth": truth, "prediction": truth})
    frame.to_parquet(folder / "predictions.parquet")
    return measured_on(Workspace(root, root), configuration, "id", "test/mse", no_store)


@pytest.mark.parametrize("truth", [[1.5, 2.5], ["yes", "no"]])
def test_the_same_rows_are_told_by_number_and_right_answer(
    truth: list[Any], tmp_path: Path
) -> None:
    first = rows_of(tmp_path, "a", truth)
    # Another number of labels to learn from leaves the test part as it is.
    assert rows_of(tmp_path, "b", truth, data={"choice": "synthetic", "n_labelled": 5}) == first
    others = [
        rows_of(tmp_path, "c", truth[::-1]),
        rows_of(tmp_path, "d", truth, rows=(3, 6)),
        rows_of(tmp_path, "e", truth, files={"data/raw/other.csv": "d1"}),
        rows_of(tmp_path, "f", truth, data={"choice": "builtin"}),
    ]
    assert len({first, *others}) == 5


def test_rows_that_are_gone_are_the_same_where_the_data_are(tmp_path: Path) -> None:
    configuration = resolved(**SOURCE)
    found = measured_on(Workspace(tmp_path, tmp_path), configuration, "id", "train/loss", no_store)
    assert found == data_digest(configuration)


@pytest.mark.parametrize("metric", ["validation/mse", "val/loss"])
def test_validation_rows_that_are_gone_are_told_by_the_run(metric: str, tmp_path: Path) -> None:
    configuration, workspace = resolved(**SOURCE), Workspace(tmp_path, tmp_path)
    store = open_store(workspace, "local", {})
    for tags, told in (({VALIDATED_ON: "abc"}, "abc"), ({}, data_digest(configuration))):
        run = store.client.create_run("0", tags=tags)
        found = measured_on(workspace, configuration, run.info.run_id, metric, lambda _: store)
        assert found == told


@pytest.mark.parametrize("metric", ["validation/mse", "val/loss"])
def test_the_same_validation_rows_are_told_by_the_data_of_a_trial(
    metric: str, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path, tmp_path)

    def found(seed: int, truth: list[float]) -> str:
        configuration = resolved(data={"choice": "synthetic", "seed": seed}, **SOURCE)
        folder = workspace.trial_data(data_digest(configuration))
        folder.mkdir(parents=True)
        dataset_of("regression").write(folder)
        frame = pd.DataFrame({"row": [3, 5], "price": truth, "width": [1.0, seed]})
        frame.to_parquet(folder / "val.parquet")
        return measured_on(workspace, configuration, "id", metric, no_store)

    assert found(1, [1.5, 2.5]) == found(2, [1.5, 2.5]) != found(3, [1.5, 2.6])


@pytest.mark.slow
def test_a_sweep_over_data_seeds_tells_means_and_no_best(checkout: Checkout) -> None:
    command = (
        *("run", "-m", "experiment=linear_regression", "data.samples=100"),
        *(
            "data.split.val=0.2",
            "evaluation.resamples=20",
            "model=least_squares,decision_tree",
            "data.seed=0,1",
        ),
        "sweep.name=resampled",
    )
    said = checkout.plait(*command).stdout
    assert statuses(said) == {"new": 4}
    assert "\n*" not in said
    assert (
        "no best of all: its trials were measured on different validation rows, a set for" in said
    )
    assert "best mean over the same rows: model=least_squares: validation/mse" in said
    assert "(2 data seeds, each on its own validation rows)" in said
    workspace = Workspace.at(checkout.root)
    store = open_store(workspace, "local", {})
    runs = runs_of_sweep(store, "resampled")
    assert all("plait.best_of" not in run.data.tags for run in runs)
    for reference in ("best:resampled", "best"):
        refused = checkout.plait("promote", reference, check=False)
        assert refused.returncode == 1
        assert "sweep resampled has no best trial: its trials were measured on" in refused.stderr
        assert "`plait runs --sweep resampled` lists its trials" in refused.stderr
    # What the data folders no longer tell, the runs do.
    checkout.plait("gc", "--yes")
    assert not list((checkout.root / ".plait/data").glob("*"))
    again = checkout.plait(*command).stdout
    assert statuses(again) == {"reused": 4}
    assert "best mean over the same rows: model=least_squares: validation/mse" in again

    other = checkout.plait(*command[:-2], "data.noise=0.1,0.5", "sweep.name=noisy").stdout
    assert len([line for line in other.splitlines() if line.startswith("*  ")]) == 2
    assert "on the validation rows of data.noise=0.5:" in other
    assert "measured on different validation rows (data.noise=0.1, data.noise=0.5)" in other
    assert find(workspace, runs[0].info.run_id).run_id == runs[0].info.run_id
