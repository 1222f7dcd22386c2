"""When a training writes what it can go on from, and how it goes on.

A checkpoint holds, beside weights, optimiser and schedule: how many global batches of the epoch are
done, the epoch's means so far, and the state of every process's random generators. None of it
depends on the number of processes, so that a training may go on with another number of them.
"""

import pickle
import random
import signal
import sys
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from plait.objectives.base import AnyBatch
from plait.signals import StopRequests
from plait.training.batches import DistributedBatchSampler
from plait.training.checkpoint_files import CheckpointFiles
from plait.training.distributed.collectives import all_reduce_any, gather, world
from plait.training.epoch_end import AfterEpoch
from plait.training.module import Share, SupervisedModule
from plait.training.progress import NonFiniteLoss

if TYPE_CHECKING:
    from plait.training.job import TrainingJob


SHARE = 0.02
"""The share of the time since the last checkpoint that writing the next one may take."""

LEAST_SECONDS = 2.0
"""Between checkpoints that no setting asks for: a training of seconds is not slowed by any."""


class Generators(TypedDict):
    """The states of a process's random generators, of what JSON holds."""

    python: tuple[int, Sequence[int], float | None]
    numpy: Sequence[Any]
    """The fields of `numpy.random.get_state`, in their order."""
    torch: str
    """Hexadecimal, as the next."""
    cuda: str | None


class InPlace(TorchCheckpointIO):
    """Writes to the very path that it is given.

    Lightning writes to the system's temporary folder, and moves the file: a killed process leaves
    it there.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write it, with the system's own error where that fails."""
        with _Honest(path) as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:
                raise file.error or error from error


class _Honest(FileIO):
    """Remembers what the system said: torch's writer tells of a full disk in words of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "wb")
        self.error: OSError | None = None

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError as error:
            self.error = error
            raise


class Checkpoints(AfterEpoch):
    """Writes checkpoints, stops where it is asked to, and never writes one of broken weights.

    One is written as soon as it costs no more than `SHARE` of the time since the one before, as the
    one before has shown.

    :param files: of this identity alone.
    :param order: of the training part's batches.
    :param of: what it is a checkpoint of, see `origin`.
    :param requests: to stop.
    :param divergence: has looked at the losses since the last optimiser step.
    :param steps: write one after so many optimiser steps.
    :param minutes: write one after so many minutes, whatever it costs.
    """

    def __init__(
        self,
        files: CheckpointFiles,
        order: DistributedBatchSampler,
        of: str,
        requests: StopRequests,
        divergence: NonFiniteLoss,
        *,
        steps: int | None,
        minutes: float,
    ) -> None:
        self._files, self._order, self._of = files, order, of
        self._requests, self._divergence = requests, divergence
        self._steps, self._seconds = steps, 60 * minutes
        self._written, self._cost = monotonic(), 0.0
        self._stopping = False
        self._due = False
        self._over = False
        self._epoch, self._batches = 0, 0
        self._module: LightningModule | None = None
        self._means: list[Share] | None = None
        self._draws: list[Generators] = []

    def on_train_batch_end(
        self,
        trainer: Trainer,
        module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: AnyBatch,
        index: int,
    ) -> None:
        """At the end of an optimiser step: look whether all is well, whether to write, to stop."""
        last = bool(trainer.is_last_batch)
        if (index + 1) % self._order.pieces and not last:
            return
        broken, self._stopping, self._due = all_reduce_any(
            self._divergence.is_there, self._requests.pending, self._is_due(trainer.global_step)
        )
        if broken:
            self._divergence.end(trainer)
        self._divergence.forget()
        # The end of an epoch, validation included, is looked at as a whole.
        if (self._stopping or self._due) and not last and not trainer.should_stop:
            self._write(trainer, module, -(-(index + 1) // self._order.pieces))

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Write one if it is time to."""
        if self._due or self._stopping:
            self._write(trainer, module, 0)

    def _is_due(self, step: int) -> bool:
        # The clock of one process counts for all.
        first = world()[0] == 0
        wait = min(self._seconds, max(LEAST_SECONDS, self._cost / SHARE))
        by_time = first and monotonic() - self._written >= wait
        return by_time or (self._steps is not None and step % self._steps == 0)

    def _write(self, trainer: Trainer, module: LightningModule, batches: int) -> None:
        """Write the checkpoint, then stop if that was asked for.

        :param batches: global batches of the epoch that are done; 0 at its end.
        """
        self._over = trainer.should_stop
        self._epoch = trainer.current_epoch + (not batches)
        self._batches, self._module = batches, module
        began = monotonic()
        self._files.write(
            lambda path: trainer.save_checkpoint(path, weights_only=False),
            trainer.global_step,
            first=world()[0] == 0,
        )
        self._written = monotonic()
        self._cost = self._written - began
        if self._stopping:
            if world()[0] == 0:
                at = f"epoch {self._epoch}, step {trainer.global_step}"
                said = f"{self._files.name}: stopped at {at}; launched again, it goes on from there"
                print(said, file=sys.stderr, flush=True)
            self._requests.obey()

    def state_dict(self) -> dict[str, Any]:
        """Called on every process; only the first one's goes into the file."""
        own = self._module.means if isinstance(self._module, SupervisedModule) else None
        means = gather(own)
        return {
            "of": self._of,
            "over": self._over,
            "epoch": self._epoch,
            "batches": self._batches,
            "means": [mean for mean in means if mean is not None],
            "generators": gather(generators()),
        }

    def on_load_checkpoint(
        self, trainer: Trainer, module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Lightning counts micro-batches, which are others with another number of processes."""
        state = checkpoint["callbacks"][self.state_key]
        self._over, self._draws, batches = state["over"], state["generators"], state["batches"]
        self._means = state["means"] if isinstance(module, SupervisedModule) else None
        self._order.skip(batches)
        if not batches:
            return
        done = batches * self._order.pieces
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        for count in (progress["current"], progress["total"]):
            count.update(ready=done, started=done, processed=done, completed=done - 1)

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Set what setting up has moved to where it stood."""
        # From the first step on there is something to lose.
        self._requests.listen()
        self._written = monotonic()
        if getattr(trainer, "asked_to_stop", False):
            self._requests.signal = signal.SIGTERM
        if not self._draws:
            return
        # Early stopping had decided, and the process died before the model was written.
        trainer.should_stop = self._over
        rank = world()[0]
        if self._means is not None and isinstance(module, SupervisedModule):
            module.load_partial_state(self._means, rank)
        # A process more than before draws as the last one did.
        set_generators(self._draws[min(rank, len(self._draws) - 1)])
        self._draws = []


def origin(job: "TrainingJob") -> str:
    """The training that a checkpoint must be of to be resumed from: its identity, and digest of its
    data.
    """
    return f"{job.resolved.identity} {job.data}"


def newest(job: "TrainingJob") -> Path | None:
    """The checkpoint that a training goes on from, if there is one; the user is told."""
    name = job.resolved.name
    files = CheckpointFiles(job.checkpoints, name)
    while (path := files.newest()) is not None:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            kept = state["callbacks"][Checkpoints.__qualname__]
            of, at = kept["of"], f"epoch {kept['epoch']}, step {state['global_step']}"
        except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError) as error:
            files.refuse(path, f"is none that plait wrote ({type(error).__name__})")
            continue
        if of == origin(job):
            print(f"{name}: resumed at {at}", flush=True)
            return path
        files.refuse(path, "is of a training on other data")
    return None


def generators() -> Generators:
    """The states of this process's random generators."""
    kind, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [str(kind), [int(key) for key in keys], int(position), int(has_gauss), cached],
        "torch": _hex(torch.get_rng_state()),
        "cuda": _hex(torch.cuda.get_rng_state()) if torch.cuda.is_available() else None,
    }


def set_generators(state: Generators) -> None:
    """Put them where `generators` found them."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, cached))
    torch.set_rng_state(_from_hex(state["torch"]))
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(_from_hex(state["cuda"]))


def _hex(state: Tensor) -> str:
    return bytes(state.numpy()).hex()


def _from_hex(text: str) -> Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)
