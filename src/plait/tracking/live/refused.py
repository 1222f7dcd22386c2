"""A stage that refused, told on the run that its training has written."""

import sys

from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.tracking import runs
from plait.tracking.store.backend import backend_of
from plait.tracking.store.store import open_store, translate_errors
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
