"""Several worker processes on this machine, each with a trial at a time."""

import os
import queue
from collections.abc import Mapping
from pathlib import Path

from plait.errors import UserError
from plait.settings import Settings as Base
from plait.settings import setting
from plait.sweeps.engines.gpus import gpus_here
from plait.sweeps.trial import Outcome, Trial
from plait.sweeps.worker import Worker


class Settings(Base):
    """``hydra/launcher=joblib``."""

    jobs: int | None = setting("trials at once; null: as the GPUs allow, or one a core", ge=1)
    gpus: int = setting("GPUs of a trial, where there are any", ge=1)


class Workers:
    """Worker processes, each of which runs one trial at a time.

    Not a pool of processes: when one of those is killed, the others go down with it.

    :param environments: variables of each worker's own.
    """

    def __init__(self, root: Path, environments: list[Mapping[str, str]]) -> None:
        self._workers = [Worker(root, environment) for environment in environments]
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)

    @property
    def slots(self) -> int:
        """The number of trials at once: one for each worker."""
        return len(self._workers)

    def run(self, trial: Trial, wait: bool) -> Outcome:
        """Run a trial on a worker that is free."""
        worker = self._free.get()
        try:
            return worker.run(trial, wait)
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.close()


def engine(root: Path, settings: Settings) -> Workers:
    """The engine; where there are GPUs, each worker has some of its own, as far as they go.

    :raises UserError: for more GPUs a trial than there are.
    """
    there = gpus_here()
    if there and settings.gpus > len(there):
        raise UserError(
            f"hydra.launcher.gpus: is {settings.gpus}, but this machine has {len(there)}"
        )
    last = len(there) - settings.gpus + 1
    shares = [",".join(there[i : i + settings.gpus]) for i in range(0, last, settings.gpus)]
    count = settings.jobs or len(shares) or os.cpu_count() or 1
    return Workers(
        root,
        [
            {"CUDA_VISIBLE_DEVICES": shares[number % len(shares)]} if shares else {}
            for number in range(count)
        ],
    )
