"""A checkout that was moved or copied: the absolute paths in its store follow it."""

import sqlite3
from pathlib import Path

from plait.tracking.store.backend import artifact_uri
from plait.workspace import Workspace

COLUMNS: tuple[tuple[str, str], ...] = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
"""Where MLflow's database holds absolute paths; the last, of models registered from a path."""

PATIENCE = 20.0
"""Seconds to wait for another process's write."""


def relocate(workspace: Workspace) -> bool:
    """Mend the paths in the checkout's store if it lay elsewhere when they were written.

    Only paths below the former ``mlruns/artifacts`` change; an experiment that was given a
    location elsewhere keeps it.

    :returns: whether anything was mended.
    """
    artifacts = artifact_uri(workspace.artifacts)
    connection = sqlite3.connect(workspace.database, timeout=PATIENCE)
    try:
        former = _former(connection)
        if former is None or former == artifacts:
            return False
        with connection:
            # Other processes may have found the same: the first to write mends, and no other.
            connection.execute("BEGIN IMMEDIATE")
            for table, column in COLUMNS:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
                    f" WHERE substr({column}, 1, ?) = ?",
                    (artifacts, len(former) + 1, len(former) + 1, former + "/"),
                )
        return True
    finally:
        connection.close()


def _former(connection: sqlite3.Connection) -> str | None:
    """The artifact folder that the store was last opened with.

    MLflow's own experiment 0 tells: it was made together with the database.
    """
    row = connection.execute(
        "SELECT artifact_location FROM experiments WHERE experiment_id = 0"
    ).fetchone()
    return str(Path(row[0]).parent) if row else None
