"""A task of Ray a trial: on this machine, or on a cluster whose nodes all see the tree."""

import logging
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

from plait.config.extras import require
from plait.errors import UserError
from plait.json_types import Values
from plait.settings import Settings as Base
from plait.settings import setting
from plait.sweeps.engines.job import Job, lost
from plait.sweeps.trial import Outcome, OutcomeValues, Trial, TrialValues
from plait.workspace import SRC, Workspace

if TYPE_CHECKING:
    from types import ModuleType

    from ray import ObjectRef

OBJECT_STORE = 128 * 2**20
"""Bytes of shared memory for Ray's objects: a task takes and gives a page of text."""

TO_END = 40.0
"""Seconds that cancelled tasks have to end."""


class Settings(Base):
    """``hydra/launcher=ray``."""

    address: str | None = setting("address of a cluster, such as auto; null: Ray on this machine")
    num_cpus: float = setting("CPU cores that a trial takes", gt=0)
    num_gpus: float | None = setting("GPUs that a trial takes; null: 1 where there are any", ge=0)


class Tasks:
    """Runs each trial in a task of its own.

    :raises UserError: without Ray, its cluster, or the cores and GPUs for a trial.
    """

    def __init__(self, root: Path, settings: Settings) -> None:
        require("ray", "hydra/launcher=ray")
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        # Without GPUs, a task of Ray's sees the environment as it is, and Ray does not warn of it.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray

        self._ray, self._workspace = ray, Workspace.at(root)
        _connect(ray, settings.address, str(root / SRC))
        there = ray.cluster_resources()
        gpus = settings.num_gpus
        if gpus is None:
            gpus = 1.0 if there.get("GPU") else 0.0
        needs = {"CPU": settings.num_cpus, "GPU": gpus}
        self._slots = min(int(there.get(kind, 0) // need) for kind, need in needs.items() if need)
        if not self._slots:
            ray.shutdown()
            raise UserError(
                f"hydra/launcher=ray: a trial takes {needs['CPU']:g} CPUs and {gpus:g} GPUs, but"
                f" Ray has {there.get('CPU', 0):g} and {there.get('GPU', 0):g}"
            )
        # A failed trial is for the sweep to launch again, not for Ray.
        options = {"num_cpus": settings.num_cpus, "num_gpus": gpus, "max_retries": 0}
        self._task = ray.remote(**options)(run_job)
        self._running: set[ObjectRef] = set()
        self._closed = False

    @property
    def slots(self) -> int:
        """The number of trials at once: as many as the cluster has room for."""
        return self._slots

    def run(self, trial: Trial, wait: bool) -> Outcome:
        """Run a trial in a task."""
        began = time.monotonic()
        task = self._task.remote(str(self._workspace.root), trial.to_json(), wait)
        self._running.add(task)
        try:
            return Outcome(**self._ray.get(task))
        except self._ray.exceptions.RayError as error:
            if self._closed:
                return Outcome("failed", time.monotonic() - began, None, "interrupted")
            reason = f"Ray lost its task: {str(error).strip().splitlines()[0]}"
            return lost(self._workspace, trial, reason, time.monotonic() - began)
        finally:
            self._running.discard(task)

    def close(self) -> None:
        """Cancel what runs, let it end, and leave Ray."""
        if self._closed:
            return
        self._closed = True
        running = list(self._running)
        for task in running:
            self._ray.cancel(task)
        if running:
            self._ray.wait(running, num_returns=len(running), timeout=TO_END)
        self._ray.shutdown()


def run_job(root: str, trial: TrialValues, wait_for_other: bool) -> OutcomeValues:
    """What the task does, on whatever node; when it is cancelled, the trial ends as at SIGTERM."""
    job = Job(root, trial, wait_for_other)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(job)
        try:
            # In turns: Ray's interrupt does not reach a thread that waits for good.
            while wait([future], timeout=1.0).not_done:
                pass
        except BaseException:
            job.end()
            raise
        return future.result()


def _connect(ray: "ModuleType", address: str | None, source: str) -> None:
    """Join or start Ray, quietly.

    :raises UserError: if no cluster answers at the address.
    """
    options: Values = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "runtime_env": {"env_vars": {"PYTHONPATH": source}},
    }
    if address is not None:
        _check_reachable(address)
    # Ray takes SIGTERM for itself.
    at_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        if address is None:
            ray.init("local", include_dashboard=False, object_store_memory=OBJECT_STORE, **options)
        else:
            ray.init(address, **options)
    except (ConnectionError, ValueError) as error:
        said = str(error).strip().partition("\n")[0]
        raise UserError(f"hydra.launcher.address: no Ray at {address}: {said}") from None
    finally:
        signal.signal(signal.SIGTERM, at_sigterm)


def _check_reachable(address: str) -> None:
    """Ray itself tries for minutes before it gives up."""
    host, colon, port = address.rpartition("://")[2].partition(":")
    if not colon:
        return
    try:
        socket.create_connection((host, int(port)), 5).close()
    except (OSError, ValueError) as error:
        raise UserError(f"hydra.launcher.address: no Ray at {address}: {error}") from None


def engine(root: Path, settings: Settings) -> Tasks:
    """The engine."""
    return Tasks(root, settings)
