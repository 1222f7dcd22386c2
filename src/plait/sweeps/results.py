"""What recorded trials were worth, and what is written on their runs about all of them."""

from dataclasses import replace

from plait.sweeps.summary import Summary
from plait.tracking.query.run import get_run
from plait.tracking.query.score import Score
from plait.tracking.store.store import Store
from plait.tracking.tags import REPEATS


def score_of(store: Store, run_id: str, metric: str | None, direction: str) -> Score | None:
    """What a finished run is worth; None if it lacks the metric.

    :param metric: by which trials are ranked; None: the run's main one. Of a curve, the best epoch
        counts, which gave the weights.
    :param direction: of ``metric``.
    :raises StoreUnavailable: if the store does not answer.
    """
    run = get_run(store, run_id)
    score = Score.of(run, metric)
    if score is None or metric is None:
        return score
    value = score.value
    if not metric.startswith("test/"):
        best = min if direction == "minimize" else max
        value = best(run.points(metric).values())
    return replace(score, value=value, direction=direction)


def metric_names(store: Store, run_id: str) -> list[str]:
    """The metrics of a run by which it could be ranked.

    :raises StoreUnavailable: if the store does not answer.
    """
    names = get_run(store, run_id).metrics
    return [name for name in names if name.startswith(("train/", "val/", "test/"))]


def tag_repeats(store: Store, summary: Summary) -> None:
    """Write the mean over seeds onto each of the runs.

    :raises StoreUnavailable: if the store does not answer.
    """
    for group in summary.repeats:
        for row in group.rows:
            assert row.outcome.run_id is not None
            get_run(store, row.outcome.run_id).set_tags({REPEATS: group.shown})
