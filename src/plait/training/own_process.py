"""A process that does part of a training: what it inherits, and that it does not outlive the one
that started it.
"""

import ctypes
import os
import signal
import sys
import threading
import time

PARENT = "PLAIT_PARENT"
"""Environment variable: the process number of who started this one, and whose end is its end."""

PARTS_OF_A_JOB = (
    *("SLURM_", "SUBMITIT_", "PMI_", "PMIX_", "OMPI_", "TORCHELASTIC_"),
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_"),
)
"""Starts of the variables by which schedulers tell a process its part in a job. A training is a job
of its own, and Lightning would take them for its own."""


def own_environment() -> dict[str, str]:
    """The environment variables of this process, for one that is no part of the same job."""
    return {key: value for key, value in os.environ.items() if not key.startswith(PARTS_OF_A_JOB)}


def end_with_parent() -> None:
    """Have the system kill this process as soon as its parent is gone, however that ended."""
    parent = int(os.environ[PARENT])
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None, use_errno=True).prctl(set_death_signal, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
