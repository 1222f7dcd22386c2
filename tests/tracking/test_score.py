"""By what a run is chosen among others, and what stands beside that."""

import pytest

from plait.artifacts import write_json
from plait.sweeps.results import metric_names, worth_of
from plait.tracking.query.leaderboard import as_table, entries
from plait.tracking.query.run import get_run
from plait.tracking.record.record import record
from plait.tracking.store.store import Store
from plait.workspace import Workspace
from tracking.conftest import resolved
from tracking.outputs import frame, write_outputs
from tracking.test_leaderboard import add


def test_a_run_is_chosen_by_its_folds_else_its_validation_part_and_never_by_its_test_part(
    store: Store,
) -> None:
    run_id = add(store, "line", "lr=1", 0.5)
    worth = worth_of(store, run_id, None, "minimize")
    assert worth.score == worth.tested
    assert not worth.ranks

    store.client.log_metric(run_id, "validation/mse", 0.4)
    worth = worth_of(store, run_id, None, "minimize")
    assert worth.ranks
    assert worth.score is not None
    assert (worth.score.metric, worth.score.value) == ("validation/mse", 0.4)
    assert (worth.score.direction, worth.score.low, worth.score.naive) == ("minimize", None, None)
    assert worth.tested is not None
    assert (worth.tested.metric, worth.tested.value) == ("test/mse", 0.5)

    store.client.log_metric(run_id, "cv/mse", 0.45)
    store.client.log_metric(run_id, "cv_error/mse", 0.02)
    worth = worth_of(store, run_id, None, "minimize")
    assert worth.score is not None
    assert (worth.score.metric, worth.score.value, worth.score.error) == ("cv/mse", 0.45, 0.02)
    assert {"cv/mse", "test/mse", "validation/mse"} == set(metric_names(store, run_id))


@pytest.mark.parametrize("metric", ["mse", "accuracy", "a_metric_of_files_that_are_gone"])
def test_the_direction_is_that_of_the_main_metric(metric: str, store: Store) -> None:
    run_id = add(store, "line", "lr=1", 0.5, metric=metric, direction="maximize")
    store.client.log_metric(run_id, f"validation/{metric}", 0.4)
    worth = worth_of(store, run_id, None, "minimize")
    assert worth.score is not None
    assert worth.score.direction == "maximize"


def test_what_is_named_ranks_a_curve_by_its_best_epoch(store: Store) -> None:
    run_id = add(store, "line", "lr=1", 0.5)
    for epoch, loss in enumerate((0.9, 0.3, 0.6)):
        store.client.log_metric(run_id, "val/loss", loss, step=epoch)
    worth = worth_of(store, run_id, "val/loss", "minimize")
    assert worth.score is not None
    assert (worth.score.value, worth.ranks) == (0.3, True)
    named = worth_of(store, run_id, "test/mse", "minimize")
    assert named.ranks
    assert named.score == named.tested


def test_what_is_recorded_of_the_validation_part_is_no_curve(
    workspace: Workspace, store: Store
) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")
    frame(20).to_parquet(outputs.data / "val.parquet", index=False)
    outputs["curves"].write_text("epoch,train/loss,val/mse\n0,1.0,2.0\n1,0.5,0.6\n")
    metrics = {"test/mse": 0.25, "test/r2": 0.9, "validation/mse": 0.3}
    write_json(outputs["metrics"], metrics)
    # The second time it adds nothing, and finds nothing otherwise.
    for _ in range(2):
        made = record(workspace, resolved(), outputs, lambda facts: {})
        assert made.differences == ()
    run = get_run(store, made.run_id)
    assert (run.metrics["validation/mse"], run.points("val/mse")) == (0.3, {0: 2.0, 1: 0.6})
    assert list(run.history) == ["epoch", "train/loss", "val/mse"]
    assert len(run.tags["plait.validated_on"]) > 20


def test_runs_with_other_validation_rows_are_not_ranked_together(
    workspace: Workspace, store: Store
) -> None:
    for number, rows in enumerate(("one", "other", "one")):
        tags = {"validated_on": rows, "tested_on": "same"}
        run_id = add(store, "line", f"lr={number}", 0.5, at=number, **tags)
        store.client.log_metric(run_id, "validation/mse", 0.1 * number)
    table = as_table(entries(workspace, metric="validation/mse"))
    assert [part.count("lr=") for part in table.split("\n\n")] == [2, 1]
    assert as_table(entries(workspace)).count("line") == 1
