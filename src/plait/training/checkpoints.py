"""Checkpoints to go on from: outside DVC's outs, keyed by the identity, gone at the end."""

import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer

from plait.training.epoch_end import AfterEpoch


class Checkpoints(AfterEpoch):
    """Writes a checkpoint at the end of an epoch, at most one in so many minutes.

    It holds the generators' states, so that a resumed training draws what an undisturbed one would.

    :param folder: of this identity alone.
    """

    def __init__(self, folder: Path, minutes: float) -> None:
        self._folder, self._seconds = folder, 60 * minutes
        self._written = time.monotonic()
        self._stopped = False
        self._draws: dict[str, Any] | None = None

    @property
    def latest(self) -> Path | None:
        """The checkpoint to go on from, if there is one."""
        path = self._folder / "last.ckpt"
        return path if path.exists() else None

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Write one if it is time to."""
        if time.monotonic() - self._written >= self._seconds:
            self.write(trainer)

    def write(self, trainer: Trainer) -> None:
        """Write the checkpoint whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / "next.ckpt"
        self._stopped = trainer.should_stop
        trainer.save_checkpoint(temporary, weights_only=False)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, self._folder / "last.ckpt")
        self._written = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """The states of all generators, and whether this epoch was the last."""
        kind, keys, position, has_gauss, cached = np.random.get_state()
        return {
            "stopped": self._stopped,
            "python": _as_lists(random.getstate()),
            "numpy": [str(kind), torch.tensor(keys), int(position), int(has_gauss), float(cached)],
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Kept until training starts: setting it up draws numbers too."""
        self._draws = state

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Set the generators to where they stood."""
        if self._draws is None:
            return
        # Early stopping had decided, and the process died before the model was written.
        trainer.should_stop = self._draws["stopped"]
        version, words, gauss = self._draws["python"]
        random.setstate((version, tuple(words), gauss))
        kind, keys, position, has_gauss, cached = self._draws["numpy"]
        np.random.set_state((kind, keys.numpy(), position, has_gauss, cached))
        torch.set_rng_state(self._draws["torch"])
        if self._draws["cuda"]:
            torch.cuda.set_rng_state_all(self._draws["cuda"])


def _as_lists(value: Any) -> Any:
    return [_as_lists(item) for item in value] if isinstance(value, tuple) else value
