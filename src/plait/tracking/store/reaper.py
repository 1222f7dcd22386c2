"""Runs whose process was killed hard: MLflow would call them running for ever."""

import time
from typing import TYPE_CHECKING, Any

from plait.tracking.store import process
from plait.tracking.store.store import Store, open_store
from plait.tracking.tags import ERROR, LAST_HEARTBEAT, PID
from plait.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.entities import Run

SILENCE = 600.0
"""Seconds without a heartbeat after which a run of another host counts as dead."""


def open_in_order(
    workspace: Workspace, tracking_choice: str, tracking_settings: dict[str, Any]
) -> Store:
    """Open a store as `open_store` does, and mark the runs whose process is dead."""
    store = open_store(workspace, tracking_choice, tracking_settings)
    reap(store)
    return store


def reap(store: Store) -> list[str]:
    """Mark plait's runs that nobody writes any more as killed, with the reason as a tag.

    :returns: their ids.
    """
    reaped = []
    for run in list(store.runs("attributes.status = 'RUNNING'")):
        reason = cause_of_death(run, time.time())
        if reason is None:
            continue
        # It may have ended as it should since it was listed; now that its process has gone, it
        # says nothing more.
        if store.client.get_run(run.info.run_id).info.status == "RUNNING":
            store.client.set_tag(run.info.run_id, ERROR, reason)
            store.client.set_terminated(run.info.run_id, "KILLED")
            reaped.append(str(run.info.run_id))
    return reaped


def cause_of_death(run: "Run", now: float) -> str | None:
    """Why a running run is dead; None if it lives or is not plait's.

    :param now: seconds since the epoch.
    """
    tags = run.data.tags
    if PID not in tags:
        return None
    if process.on_this_host(tags):
        if process.alive(tags):
            return None
        return f"process {tags['plait.pid']} ended without saying so (killed hard?)"
    silent = now - float(tags.get(LAST_HEARTBEAT, run.info.start_time / 1000))
    if silent < SILENCE:
        return None
    return f"no sign of life from host {tags.get('plait.host')} for {silent / 60:.0f} minutes"
