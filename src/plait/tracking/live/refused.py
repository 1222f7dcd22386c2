"""A training that failed before, or after, its own process could say so."""

import sys
import time
from collections.abc import Mapping

from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.tracking import runs
from plait.tracking.store.backend import backend_of
from plait.tracking.store.store import Store, open_store, translate_errors
from plait.tracking.tags import MEASURED_BY
from plait.workspace import Workspace


def tell_run(workspace: Workspace, resolved: Resolved, reason: str) -> None:
    """Mark the run of an identity as failed, unless it is recorded to its end already.

    A store that does not work is said, and no more: the refusal itself is what counts.
    """
    tracking = resolved.choice("tracking"), resolved.settings("tracking")
    try:
        with translate_errors(backend_of(workspace, *tracking).uri):
            store = open_store(workspace, *tracking)
            run = store.find_run(resolved.identity)
            if run is not None and MEASURED_BY not in run.data.tags:
                runs.end(store, run.info.run_id, "FAILED", reason)
    except UserError as error:
        print(f"plait: {error}", file=sys.stderr)


def fail(store: Store, resolved: Resolved, tags: Mapping[str, str], reason: str) -> str:
    """Mark the run of an identity as failed; it is made, or begun again, where none is under way.

    :param tags: of a run that is made or begun again, beside its own.
    :returns: the run's id.
    :raises StoreUnavailable: if the store does not answer.
    """
    with translate_errors(store.backend.uri):
        found = store.find_run(resolved.identity)
        if found is None or found.info.status == "FINISHED":
            all_tags = {**runs.tags_of(store.workspace, resolved, "train"), **tags}
            found, _ = runs.begin(store, resolved, all_tags, time.time_ns() // 1_000_000)
        runs.end(store, found.info.run_id, "FAILED", reason)
    return str(found.info.run_id)
