"""The runs of a sweep together: which of them is the best, and where they are compared."""

import json
from collections.abc import Iterable
from urllib.parse import quote

from plait.tracking.query.run import get_run, runs_that
from plait.tracking.store.backend import TRAINING_VIEWS
from plait.tracking.store.store import Store
from plait.tracking.tags import BEST_OF, SWEEPS

SIDE_BY_SIDE = 30
"""Runs that MLflow's page of columns shows at most; more make an address that browsers cut."""


def tag_best(store: Store, sweep: str, best: str | None) -> None:
    """Mark the best trial of a sweep, and no other.

    :param best: the id of its run; None: it has none.
    :raises StoreUnavailable: if the store does not answer.
    """
    for run in runs_that(store, f"tags.`{BEST_OF}` LIKE '%{sweep}%'"):
        if sweep in run.best_of and run.run_id != best:
            others = [name for name in run.best_of if name != sweep]
            if others:
                run.set_tags({BEST_OF: ", ".join(others)})
            else:
                run.delete_tag(BEST_OF)
    if best is not None:
        run = get_run(store, best)
        if sweep not in run.best_of:
            run.set_tags({BEST_OF: ", ".join([*run.best_of, sweep])})


def compare_pages(store: Store, sweep: str, run_ids: Iterable[str | None]) -> str:
    """Where the MLflow UI compares the runs of a sweep: as charts, and side by side.

    :raises StoreUnavailable: if the store does not answer.
    """
    ids = [run_id for run_id in run_ids if run_id is not None]
    if not ids or not store.backend.ui:
        return ""
    experiments = sorted({get_run(store, run_id).experiment_id for run_id in ids})
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
