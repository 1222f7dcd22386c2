"""Runs whose process was killed hard: MLflow would call them running for ever."""

import time

from plait.config.resolved import Resolved
from plait.json_types import Values
from plait.tracking.store import process
from plait.tracking.store.backend import backend_of
from plait.tracking.store.store import Store, open_store, translate_errors
from plait.tracking.tags import ERROR, LAST_HEARTBEAT, PID
from plait.workspace import Workspace

SILENCE = 600.0
"""Seconds without a heartbeat after which a run of another host counts as dead."""


def open_in_order(workspace: Workspace, tracking_choice: str, tracking_settings: Values) -> Store:
    """Open a store as `open_store` does, and mark the runs whose process is dead."""
    store = open_store(workspace, tracking_choice, tracking_settings)
    reap(store)
    return store


def open_store_of(workspace: Workspace, resolved: Resolved) -> Store:
    """The store that an experiment is recorded in, in order.

    :raises StoreUnavailable: if it does not answer.
    """
    tracking = resolved.choice("tracking"), resolved.settings("tracking")
    with translate_errors(backend_of(workspace, *tracking).uri):
        return open_in_order(workspace, *tracking)


def reap(store: Store) -> list[str]:
    """Mark plait's runs that nobody writes any more as killed, with the reason as a tag.

    :returns: their ids.
    """
    reaped = []
    for run in list(store.runs("attributes.status = 'RUNNING'")):
        reason = cause_of_death(run.data.tags, run.info.start_time, time.time())
        if reason is None:
            continue
        # It may have ended as it should since it was listed; now that its process has gone, it
        # says nothing more.
        if store.client.get_run(run.info.run_id).info.status == "RUNNING":
            store.client.set_tag(run.info.run_id, ERROR, reason)
            store.client.set_terminated(run.info.run_id, "KILLED")
            reaped.append(str(run.info.run_id))
    return reaped


def cause_of_death(tags: dict[str, str], began: int, now: float) -> str | None:
    """Why a running run is dead; None if it lives or is not plait's.

    :param began: milliseconds since the epoch.
    :param now: seconds since the epoch.
    """
    if PID not in tags:
        return None
    if process.on_this_host(tags):
        if process.alive(tags):
            return None
        return f"process {tags['plait.pid']} ended without saying so (killed hard?)"
    silent = now - float(tags.get(LAST_HEARTBEAT, began / 1000))
    if silent < SILENCE:
        return None
    return f"no sign of life from host {tags.get('plait.host')} for {silent / 60:.0f} minutes"
