"""``plait.load``: a recorded run in a notebook."""

from pathlib import Path

from plait.artifacts import Workspace
from plait.errors import UserError
from plait.tracking.query.find import find
from plait.tracking.query.run import RecordedRun


def load(run: str, root: Path | None = None) -> RecordedRun:
    """A recorded run.

    :param run: its id, its name, an experiment's name for the newest finished run of it, or
        ``best:SWEEP``.
    :param root: the checkout; by default the one around the working directory.
    :raises UserError: if there is no such run.
    """
    return find(Workspace.at(root or _checkout(Path.cwd())), run)


def _checkout(folder: Path) -> Path:
    for candidate in (folder, *folder.parents):
        if (candidate / "params.yaml").exists():
            return candidate
    raise UserError(f"{folder} lies in no checkout of a plait project: no params.yaml above it")
