"""A commit of the project in a temporary worktree, which goes away whatever happens."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from plait.errors import UserError
from plait.workspace import Workspace


def has_commit(root: Path, commit: str) -> bool:
    """Whether the repository around ``root`` has a commit."""
    return _git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


@contextmanager
def worktree(workspace: Workspace, commit: str, name: str, patch: bytes) -> Iterator[Path]:
    """The project as it was at a commit, for as long as the context lasts.

    :param name: of the folder; two that are called alike wait for nobody, but refuse.
    :param patch: to be applied; may be empty.
    :returns: the project's folder in the worktree.
    :raises UserError: if the commit can't be checked out or the patch not be applied.
    """
    folder = workspace.worktrees
    folder.mkdir(parents=True, exist_ok=True)
    clear_away(workspace.root, folder)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError("another process is rebuilding it just now") from None
    try:
        add = ("worktree", "add", "--quiet", "--force", "--detach", str(folder / name), commit)
        _check(_git(workspace.root, *add), f"commit {commit[:8]} cannot be checked out")
        prefix = _git(workspace.root, "rev-parse", "--show-prefix").stdout.strip()
        tree = folder / name / os.fsdecode(prefix)
        if patch:
            apply = _git(tree, "apply", "--whitespace=nowarn", "-", given=patch)
            _check(apply, f"the patch does not apply to commit {commit[:8]}")
        yield tree
    finally:
        _remove(workspace.root, folder / name)
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def clear_away(root: Path, folder: Path) -> None:
    """Remove what a rebuild that was killed hard has left."""
    for path in folder.iterdir():
        if path.is_dir():
            lock = FileLock(folder / f"{path.name}.lock")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            _remove(root, path)
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()


def _remove(root: Path, tree: Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    _git(root, "worktree", "prune")


def _git(root: Path, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    # Hooks are for the user's own tree: DVC's would check out every output.
    command = ["git", "-C", str(root), "-c", f"core.hooksPath={os.devnull}", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False)


def _check(answer: "subprocess.CompletedProcess[bytes]", fault: str) -> None:
    if answer.returncode:
        first_line = answer.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise UserError(f"{fault}:\n  {first_line}")
