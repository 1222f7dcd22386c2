"""Tracking in the checkout's own store, and the curves as TensorBoard's event files too."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from plait.config.extras import require
from plait.settings import Settings as Base
from plait.tracking.store.backend import Backend, local_backend
from plait.workspace import Workspace

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Settings(Base):
    """Nothing to set."""


def backend(settings: Settings, workspace: Workspace) -> Backend:
    """The checkout's own store, with event files under ``mlruns/tensorboard``.

    :raises ConfigurationError: if the extra is not installed.
    """
    require("tensorboard", "tracking: tensorboard")
    return local_backend(workspace, lambda run: EventFiles(workspace.tensorboard / run))


class EventFiles:
    """TensorBoard's view of one run's curves.

    :param folder: of the run; TensorBoard shows one curve for each such folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values of an epoch; those of an earlier training from ``step`` on go."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=step)
        for key, value in values.items():
            self._writer.add_scalar(key, value, step)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
