"""Where runs are recorded: what a choice of the group ``tracking`` comes down to."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from plait.config.registry import module_of
from plait.errors import UserError
from plait.json_types import Values
from plait.workspace import Workspace

UI_HOST, UI_PORT = "127.0.0.1", 5000
"""Where `plait ui` answers unless it is told otherwise."""

TRAINING_VIEWS = "workflowType=machine_learning"
"""The part of an address in the MLflow UI that shows the pages for training. Without it, the UI
shows those for language models until its switch *Model training* is used, whatever kind an
experiment says it is (3.17, 2026-11)."""


class CurveWriter(Protocol):
    """Writes one run's curves in a form of its own."""

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values of an epoch; those of an earlier training from ``step`` on go."""

    def close(self) -> None:
        """Write what is left."""


@dataclass(frozen=True)
class Backend:
    """A tracking store, and what is written beside it."""

    uri: str
    """The address of the store as MLflow takes it."""
    local: bool
    """Whether it is the checkout's own database, which plait creates, mends and locks."""
    curves: Callable[[Path], CurveWriter] | None = None
    """What keeps a run's curves beside the store, by the run's own relative path."""

    @property
    def shown(self) -> str:
        """The address as it may be printed: without credentials."""
        return without_credentials(self.uri)

    @property
    def ui(self) -> str:
        """Where the MLflow UI shows its runs, by default; empty for another kind of store."""
        if self.local:
            return f"http://{UI_HOST}:{UI_PORT}"
        return self.shown.rstrip("/") if self.shown.startswith("http") else ""


def backend_of(workspace: Workspace, choice: str, settings: Values) -> Backend:
    """The backend of a choice such as ``local``.

    :raises UserError: if it cannot be used on this machine.
    """
    module = module_of("tracking", choice)
    backend: Backend = module.backend(module.Settings(**settings), workspace)
    return backend


def local_backend(
    workspace: Workspace, curves: Callable[[Path], CurveWriter] | None = None
) -> Backend:
    """The database ``mlruns/mlflow.db`` of the checkout.

    :param curves: as in `Backend`.
    """
    return Backend(sqlite_url(workspace.database), True, curves)


def sqlite_url(database: Path) -> str:
    """The address of a database file, as SQLAlchemy reads it.

    :raises UserError: if no address can name the file.
    """
    path = str(database)
    if not path.isprintable():
        raise UserError(
            f"{path!r}: no database can be opened there, for the path holds"
            f" {next(letter for letter in path if not letter.isprintable())!r}; move the checkout"
        )
    if not set(path) & set("%?"):
        return f"sqlite:///{path}"
    from sqlalchemy import URL, make_url

    # MLflow makes the folder of ``sqlite:///…`` as it is written there, not as it is meant.
    url = URL.create("sqlite+pysqlite", database=path).render_as_string()
    if make_url(url).database != path:
        raise UserError(f"{path}: this SQLAlchemy opens no database in a folder with % or ?")
    return url


def artifact_uri(folder: Path) -> str:
    """The address of a folder of artifacts, as MLflow reads it: it decodes paths too."""
    return re.sub("[%?#;]", lambda found: quote(found[0]), str(folder))


def without_credentials(text: str) -> str:
    """``text`` with ``user:password@`` taken out of every address in it."""
    return re.sub(r"(?<=://)[^/\s@]+@", "", text)
