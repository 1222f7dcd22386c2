"""Launchers of sweeps as processes of their own, and what they say."""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil

from checkouts import Checkout
from plait.tracking.query.run import names_in
from plait.tracking.store.store import Store
from plait.tracking.tags import SWEEPS
from warm.start import warm_python

WORKER = "plait.sweeps.worker"


@contextmanager
def launched(
    checkout: Checkout,
    *arguments: str,
    env: dict[str, str] | None = None,
    python: str | None = None,
) -> "Iterator[subprocess.Popen[str]]":
    """A verb that runs, in a process group of its own, which is killed in the end.

    :param python: None for the one that asks the warm server, with which no process is a child of
        the one that started it.
    """
    environment = {**os.environ, "PYTHONPATH": str(checkout.root / "src"), **(env or {})}
    process = subprocess.Popen(
        [python or warm_python(), "-c", "from plait.cli import main; main()", *arguments],
        cwd=checkout.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):  # the fork that it stands for has just ended
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        # One that ended by itself may not have been listened to.
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def workers_of(launcher: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The processes that run its trials."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):  # gone meanwhile
            # One that stands for a fork has left the group, its parent has not.
            groups = {os.getpgid(pid) for pid in (process.pid, process.ppid())}
            if launcher.pid in groups and WORKER in process.cmdline():
                found.append(process)
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds  # for a machine that has much else to do
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)


def runs_of_sweep(store: Store, sweep: str) -> list[Any]:
    """MLflow's runs of its trials, the oldest first."""
    return [run for run in store.runs("") if sweep in names_in(run.data.tags.get(SWEEPS))]


def statuses(said: str) -> Counter[str]:
    """How many trials the table counts as what."""
    (line,) = re.findall(r"^sweep \S+: (.*);", said, re.MULTILINE)
    return Counter(
        {word: int(count) for count, word in (part.split() for part in line.split(", "))}
    )
