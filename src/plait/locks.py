"""Locks between the processes of a machine; the system lets go of those of a process that dies."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from plait.workspace import Workspace


def lock_named(workspace: Workspace, name: str, patience: float = -1) -> FileLock:
    """A lock of a checkout, not yet held.

    :param patience: seconds to wait for it before `filelock.Timeout`; -1: for good.
    """
    folder = workspace.locks
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}.lock", timeout=patience)


@contextmanager
def held(*locks: FileLock, waiting: str | None = None) -> Iterator[bool]:
    """Hold all of these locks; none of their files is left behind.

    :param waiting: told to the user before another process is waited for; None: don't wait.
    :returns: whether they are held now.
    """
    with ExitStack() as stack:
        for lock in locks:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                if waiting is None:
                    yield False
                    return
                print(waiting, file=sys.stderr, flush=True)
                lock.acquire()
            stack.callback(_let_go, lock)
        yield True


def _let_go(lock: FileLock) -> None:
    # Safe while it is held: filelock notices a lock file that is no longer at its path.
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
