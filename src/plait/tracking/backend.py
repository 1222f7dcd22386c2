"""Where runs are recorded: what a choice of the group ``tracking`` comes down to."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plait.artifacts import Workspace
from plait.config.pairs import module_of

UI_HOST, UI_PORT = "127.0.0.1", 5000
"""Where `plait ui` answers unless it is told otherwise."""


@dataclass(frozen=True)
class Backend:
    """A tracking store, and what is written beside it."""

    uri: str
    """As MLflow takes it."""
    local: bool
    """Whether it is the checkout's own database, which plait creates, mends and locks."""
    event_files: Path | None = None
    """The folder of TensorBoard's event files, where they are wanted."""

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


def backend_of(workspace: Workspace, choice: str, settings: dict[str, Any]) -> Backend:
    """The backend of a choice such as ``local``.

    :raises UserError: if it cannot be used on this machine.
    """
    module = module_of("tracking", choice)
    backend: Backend = module.backend(module.Settings(**settings), workspace)
    return backend


def local_backend(workspace: Workspace, event_files: Path | None = None) -> Backend:
    """The database ``mlruns/mlflow.db`` of the checkout."""
    return Backend(f"sqlite:///{workspace.store / 'mlflow.db'}", True, event_files)


def without_credentials(text: str) -> str:
    """``text`` with ``user:password@`` taken out of every address in it."""
    return re.sub(r"(?<=://)[^/\s@]+@", "", text)
