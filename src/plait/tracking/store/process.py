"""Which process writes a run, and whether it is still there."""

import os
import socket
from pathlib import Path

import psutil

from plait.tracking.tags import HOST, PID, PID_BOOT, PID_STARTED

SAME_START = 10.0
"""Seconds by which a process's start may seem to differ: the host's clock gets adjusted."""


BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Another text each time the machine starts; on Linux."""


def own() -> dict[str, str]:
    """Tags that name this process."""
    process = psutil.Process()
    return {
        HOST: socket.gethostname(),
        PID: str(os.getpid()),
        PID_STARTED: f"{process.create_time():.1f}",
        **({PID_BOOT: since_boot(process)} if BOOT.exists() else {}),
    }


def since_boot(process: psutil.Process) -> str:
    """The boot of this machine, and the seconds from it to a process's start: no clock that is set
    changes them.
    """
    return f"{BOOT.read_text().strip()} {process.create_time() - psutil.boot_time():.1f}"


def is_own(tags: dict[str, str]) -> bool:
    """Whether the tags name this process."""
    return on_this_host(tags) and tags.get(PID) == str(os.getpid()) and alive(tags)


def on_this_host(tags: dict[str, str]) -> bool:
    """Whether the process that the tags name ran on this host."""
    return tags.get(HOST) == socket.gethostname()


def alive(tags: dict[str, str]) -> bool:
    """Whether the process of this host that the tags name still runs, and is no later one."""
    try:
        process = psutil.Process(int(tags[PID]))
        started = process.create_time()
    except psutil.NoSuchProcess:
        return False
    boot, _, after = tags.get(PID_BOOT, "").partition(" ")
    if boot and BOOT.exists():
        boot_now, _, after_now = since_boot(process).partition(" ")
        return boot == boot_now and abs(float(after) - float(after_now)) < SAME_START
    return abs(started - float(tags[PID_STARTED])) < SAME_START
