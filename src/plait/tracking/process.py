"""Which process writes a run, and whether it is still there."""

import os
import socket

import psutil

SAME_START = 10.0
"""Seconds by which a process's start may seem to differ: the host's clock gets adjusted."""


def own() -> dict[str, str]:
    """Tags that name this process."""
    process = psutil.Process()
    return {
        "plait.host": socket.gethostname(),
        "plait.pid": str(os.getpid()),
        "plait.pid_started": f"{process.create_time():.1f}",
    }


def is_own(tags: dict[str, str]) -> bool:
    """Whether the tags name this process."""
    return on_this_host(tags) and tags.get("plait.pid") == str(os.getpid()) and alive(tags)


def on_this_host(tags: dict[str, str]) -> bool:
    """Whether the process that the tags name ran on this host."""
    return tags.get("plait.host") == socket.gethostname()


def alive(tags: dict[str, str]) -> bool:
    """Whether the process of this host that the tags name still runs, and is no later one."""
    try:
        started = psutil.Process(int(tags["plait.pid"])).create_time()
    except psutil.NoSuchProcess:
        return False
    return abs(started - float(tags["plait.pid_started"])) < SAME_START
