"""``plait.load``: a recorded run in a notebook."""

from pathlib import Path

from plait.tracking.query.find import find
from plait.tracking.query.run import RecordedRun
from plait.workspace import Workspace, find_root


def load(run: str, root: Path | None = None) -> RecordedRun:
    """A recorded run.

    :param run: its id, its name, an experiment's name for the newest finished run of it, or
        ``best:SWEEP``.
    :param root: the checkout; by default the one around the working directory.
    :raises UserError: if there is no such run.
    """
    return find(Workspace.at(root or find_root()), run)
