"""Tracking in the checkout itself: ``mlruns/mlflow.db`` with the artifacts beside it."""

from plait.settings import Settings as Base
from plait.tracking.store.backend import Backend, local_backend
from plait.workspace import Workspace


class Settings(Base):
    """Nothing to set."""


def backend(settings: Settings, workspace: Workspace) -> Backend:
    """The checkout's own store."""
    return local_backend(workspace)
