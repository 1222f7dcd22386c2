"""What this machine knows of files that it has read before: kept in one small database.

As git's index and DVC's own state do: whatever is in it can be worked out again, so a database that
is missing, damaged or can't be written to costs time and nothing else. File facts mean something on
one host and mount alone, so each of them has a database of its own.
"""

import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from plait import digests
from plait.json_types import Json, Values
from plait.workspace import Workspace

BUSY = 5.0
"""Seconds to wait for another process that writes."""

AT_ONCE = 500
"""Keys that are asked for in one query."""


class State:
    """Values by kind and key, for all processes of this machine that use a checkout.

    :param folder: where the databases lie; made when something is first kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0

    @classmethod
    def of(cls, workspace: Workspace) -> "State":
        """That of a checkout."""
        return cls(workspace.state)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    def get(self, kind: str, keys: Iterable[str]) -> Values:
        """The values that are known, by key."""
        wanted = list(keys)
        found: Values = {}
        with self._lock:
            try:
                connection = self._open(create=False)
                if connection is None:
                    return {}
                for start in range(0, len(wanted), AT_ONCE):
                    some = wanted[start : start + AT_ONCE]
                    marks = ",".join("?" * len(some))
                    rows = connection.execute(
                        f"SELECT key, value FROM known WHERE kind = ? AND key IN ({marks})",
                        (kind, *some),
                    )
                    found |= {key: json.loads(value) for key, value in rows}
            except (sqlite3.Error, ValueError) as error:
                self._give_up(error)
        return found

    def put(self, kind: str, values: Mapping[str, Json]) -> None:
        """Keep values; what was kept under the same keys goes."""
        if not values:
            return
        with self._lock:
            try:
                connection = self._open(create=True)
                if connection is None:
                    return
                with connection:
                    connection.executemany(
                        "INSERT OR REPLACE INTO known VALUES (?, ?, ?)",
                        [(kind, key, json.dumps(value)) for key, value in values.items()],
                    )
            except (sqlite3.Error, OSError) as error:
                self._give_up(error)

    def _open(self, create: bool) -> sqlite3.Connection | None:
        # A connection must not be used across a fork.
        if self._connection is not None and self._owner == os.getpid():
            return self._connection
        if create:
            self._folder.mkdir(parents=True, exist_ok=True)
        elif not self._folder.exists():
            return None
        mount = self._folder.stat().st_dev
        host = digests.dvc_of_text(socket.gethostname())[:8]
        path = self._folder / f"{host}-{mount:x}.db"
        if not create and not path.exists():
            return None
        connection = sqlite3.connect(path, timeout=BUSY, check_same_thread=False)
        # What is lost when the machine fails is worked out again.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS known"
            " (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )
        self._connection, self._owner = connection, os.getpid()
        return connection

    def _give_up(self, error: Exception) -> None:
        """Go on without; a database that is none is made anew by the next process."""
        broken = isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        )
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if broken:
            for path in self._folder.glob("*.db*"):
                path.unlink(missing_ok=True)
