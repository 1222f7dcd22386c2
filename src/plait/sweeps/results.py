"""What recorded trials were worth, and what is written on their runs about all of them."""

from dataclasses import dataclass, replace

from plait.sweeps.summary import Summary
from plait.tracking.query.run import get_run
from plait.tracking.query.score import MEASURED, Score, held_out_metric
from plait.tracking.sections import FINAL
from plait.tracking.store.store import Store
from plait.tracking.tags import REPEATS


@dataclass(frozen=True)
class Worth:
    """What a finished run is worth."""

    score: Score | None
    """None: it lacks the metric."""
    ranks: bool
    """Whether the score may choose among trials: not that of a test part that nobody named."""
    tested: Score | None
    """The same metric on the test part; where that has no such metric, the main one."""


def worth_of(store: Store, run_id: str, metric: str | None, direction: str) -> Worth:
    """What a finished run is worth.

    :param metric: by which trials are ranked; None: the run's main one on rows that are held out
        for it. Of a curve, the best epoch counts, which gave the weights.
    :param direction: of ``metric``.
    :raises StoreUnavailable: if the store does not answer.
    """
    run = get_run(store, run_id)
    if metric is None:
        held_out = held_out_metric(run)
        return Worth(Score.of(run, held_out), held_out is not None, Score.of(run, None))
    score = Score.of(run, metric)
    tested = Score.of(run, f"test/{metric.partition('/')[2]}") or Score.of(run, None)
    if score is None:
        return Worth(None, True, tested)
    value = score.value
    if not metric.startswith(FINAL):
        best = min if direction == "minimize" else max
        value = best(run.points(metric).values())
    return Worth(replace(score, value=value, direction=direction), True, tested)


def metric_names(store: Store, run_id: str) -> list[str]:
    """The metrics of a run by which it could be ranked.

    :raises StoreUnavailable: if the store does not answer.
    """
    names = get_run(store, run_id).metrics
    sections = ("train", "val", *MEASURED)
    return [name for name in names if name.partition("/")[0] in sections]


def tag_repeats(store: Store, summary: Summary) -> None:
    """Write the mean over seeds onto each of the runs.

    :raises StoreUnavailable: if the store does not answer.
    """
    for group in summary.repeats:
        for row in group.rows:
            assert row.outcome.run_id is not None
            get_run(store, row.outcome.run_id).set_tags({REPEATS: group.shown})
