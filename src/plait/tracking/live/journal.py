"""What a training has to say, kept on disk until the tracking store has it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NotRequired, TypedDict

from filelock import FileLock

from plait.json_types import Values
from plait.workspace import Workspace


class Begin(TypedDict):
    """What a run begins with."""

    resolved: Values
    tags: dict[str, str]
    patch: NotRequired[str]
    """Packed: what differs from the commit."""


class Event(TypedDict, total=False):
    """A line of a journal: it has ``begin``, or ``epoch`` and ``values``, or what an end has."""

    at: int
    """Milliseconds since the epoch."""
    begin: Begin
    epoch: int
    values: Mapping[str, float]
    end: str
    """The status of the run."""
    error: str | None
    cost: dict[str, float]


class Journal:
    """A file of JSON lines, one event each: a run began, an epoch was done, the run ended.

    Whoever writes or delivers it holds ``lock``, which the operating system lets go when the
    process dies: a journal that is not locked waits for delivery.
    """

    def __init__(self, workspace: Workspace, identity: str) -> None:
        folder = workspace.journals
        folder.mkdir(parents=True, exist_ok=True)
        self.identity = identity
        self.path = folder / f"{identity}.jsonl"
        self.lock = FileLock(folder / f"{identity}.lock")
        self._file: IO[bytes] | None = None

    def append(self, event: Event) -> None:
        """Add an event; it is on its way to the disk when this returns."""
        if self._file is None:
            self._file = self.path.open("ab+")
            self._begin_on_a_new_line(self._file)
        self._file.write(json.dumps(event).encode() + b"\n")
        self._file.flush()

    def read(self, start: int = 0) -> tuple[list[Event], int]:
        """The events from byte ``start`` on, and the byte where the next will begin."""
        with self.path.open("rb") as file:
            file.seek(start)
            whole, newline, _ = file.read().rpartition(b"\n")
        return list(_events(whole)), start + len(whole) + len(newline)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Remove it, all of it being in the store; while holding the lock."""
        self.close()
        self.path.unlink(missing_ok=True)
        # Safe while it is held: filelock notices a lock file that is no longer at its path.
        Path(self.lock.lock_file).unlink(missing_ok=True)

    @staticmethod
    def _begin_on_a_new_line(file: IO[bytes]) -> None:
        """After a process that was killed in the middle of a line."""
        if file.seek(0, 2):
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")


def journals(workspace: Workspace) -> list[Journal]:
    """Those on disk, in the order of their names."""
    folder = workspace.journals
    return [Journal(workspace, path.stem) for path in sorted(folder.glob("*.jsonl"))]


def _events(text: bytes) -> Iterator[Event]:
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            # Torn: the process was killed while writing it.
            continue
