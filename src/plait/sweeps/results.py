"""What the tracking store says of trials, and what is written on their runs about all of them."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from plait.sweeps.summary import Row, Summary
from plait.tracking import runs
from plait.tracking.query.find import names_in
from plait.tracking.query.score import Score
from plait.tracking.store.backend import TRAINING_VIEWS
from plait.tracking.store.store import Store, translate_errors
from plait.tracking.tags import BEST_OF, REPEATS, SWEEPS

if TYPE_CHECKING:
    from plait.tracking.store.store import Run

SIDE_BY_SIDE = 30
"""Runs that MLflow's page of columns shows at most; more make an address that browsers cut."""


def score_of(store: Store, run_id: str, metric: str | None, direction: str) -> Score | None:
    """What a finished run is worth; None if it lacks the metric.

    :param metric: by which trials are ranked; None: the run's main one. Of a curve, the best epoch
        counts, which gave the weights.
    :param direction: of ``metric``.
    :raises StoreUnavailable: if the store does not answer.
    """
    with translate_errors(store.backend.uri):
        score = Score.of(store.client.get_run(run_id), metric)
        if score is None or metric is None:
            return score
        value = score.value
        if not metric.startswith("test/"):
            points = [point.value for point in store.client.get_metric_history(run_id, metric)]
            value = min(points) if direction == "minimize" else max(points)
        return replace(score, value=value, direction=direction)


def metric_names(store: Store, run_id: str) -> list[str]:
    """The metrics of a run by which it could be ranked.

    :raises StoreUnavailable: if the store does not answer.
    """
    with translate_errors(store.backend.uri):
        names = store.client.get_run(run_id).data.metrics
    return sorted(name for name in names if name.startswith(("train/", "val/", "test/")))


def tag_best(store: Store, sweep: str, best: Row | None) -> None:
    """Mark the best trial of a sweep, and no other.

    :raises StoreUnavailable: if the store does not answer.
    """
    chosen = best.outcome.run_id if best is not None else None
    with translate_errors(store.backend.uri):
        for run in store.runs(f"tags.`{BEST_OF}` LIKE '%{sweep}%'"):
            names = names_in(run.data.tags[BEST_OF])
            if sweep in names and run.info.run_id != chosen:
                _set_names(store, run, [name for name in names if name != sweep])
        if chosen is not None:
            run = store.client.get_run(chosen)
            names = names_in(run.data.tags.get(BEST_OF))
            if sweep not in names:
                _set_names(store, run, [*names, sweep])


def tag_repeats(store: Store, summary: Summary) -> None:
    """Write the mean over seeds onto each of the runs.

    :raises StoreUnavailable: if the store does not answer.
    """
    with translate_errors(store.backend.uri):
        for group in summary.repeats:
            for row in group.rows:
                assert row.outcome.run_id is not None
                runs.set_tags(store, row.outcome.run_id, {REPEATS: group.shown})


def recorded(store: Store, run_id: str) -> tuple[dict[str, float], str | None]:
    """The metrics of a run, and where the UI shows it, if it does.

    :raises StoreUnavailable: if the store does not answer.
    """
    with translate_errors(store.backend.uri):
        run = store.client.get_run(run_id)
    page = f"#/experiments/{run.info.experiment_id}/runs/{run_id}?{TRAINING_VIEWS}"
    address = f"{store.backend.ui}/{page}"
    return dict(run.data.metrics), address if store.backend.ui else None


def compare_pages(store: Store, sweep: str, run_ids: list[str | None]) -> str:
    """Where the MLflow UI compares the runs of a sweep: as charts, and side by side.

    :raises StoreUnavailable: if the store does not answer.
    """
    ids = [run_id for run_id in run_ids if run_id is not None]
    if not ids or not store.backend.ui:
        return ""
    with translate_errors(store.backend.uri):
        experiments = sorted({store.client.get_run(run_id).info.experiment_id for run_id in ids})
    how = "while `plait ui` runs, " if store.backend.local else ""
    lines = [f"compare them ({how}in a browser):"]
    condition = quote(f"tags.`{SWEEPS}` LIKE '%{sweep}%'")
    lines += [
        f"  {store.backend.ui}/#/experiments/{experiment}/runs?searchFilter={condition}"
        f"&compareRunsMode=CHART&{TRAINING_VIEWS}"
        for experiment in experiments
    ]
    if len(ids) <= SIDE_BY_SIDE:
        lists = [quote(json.dumps(values, separators=(",", ":"))) for values in (ids, experiments)]
        lines.append(
            f"  {store.backend.ui}/#/compare-runs?runs={lists[0]}&experiments={lists[1]}"
            f"&{TRAINING_VIEWS}"
        )
    return "\n".join(lines)


def _set_names(store: Store, run: "Run", names: list[str]) -> None:
    if names:
        runs.set_tags(store, run.info.run_id, {BEST_OF: ", ".join(names)})
    else:
        store.client.delete_tag(run.info.run_id, BEST_OF)
