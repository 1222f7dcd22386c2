"""DVC's cache: what no commit, branch, tag or experiment names any more."""

from pathlib import Path

import psutil

from plait.errors import UserError
from plait.runs.dvc import cache_folder, dvc
from plait.workspace import Workspace

NEEDED = ("--all-commits", "--all-experiments")
"""Beside what the working tree needs."""


def own_cache(workspace: Workspace) -> Path:
    """Where the cache lies.

    :raises UserError: if others may share it.
    """
    folder = cache_folder(workspace.root)
    if not folder.is_relative_to(workspace.root):
        raise UserError(
            f"{folder} lies outside of the project, and others may use it: see `dvc gc --projects`"
        )
    return folder


def cache_garbage(workspace: Workspace) -> list[Path]:
    """The files in the cache that nothing names.

    :raises UserError: if DVC cannot tell, or an experiment runs whose files nothing names yet.
    """
    # Its files are in the cache before any commit names them.
    copies = workspace.dvc_experiments
    folders = [process.info["cwd"] for process in psutil.process_iter(["cwd"])]
    if any(folder and Path(folder).is_relative_to(copies) for folder in folders):
        raise UserError("a DVC experiment is running; look again when it has ended")
    said = dvc(workspace.root, "gc", *NEEDED, "--dry")
    starts = "Removing "
    return [
        Path(line.removeprefix(starts)) for line in said.splitlines() if line.startswith(starts)
    ]


def clear_cache(workspace: Workspace) -> None:
    """Remove what nothing names; DVC's own lock is held meanwhile."""
    dvc(workspace.root, "gc", *NEEDED, "--force")
