"""Processes that are nobody's children here."""

import time
from contextlib import suppress

import psutil


def wait_until_ended(process: psutil.Process) -> None:
    """Also where nobody takes note of its end, as the first process of a container may not.

    :raises AssertionError: if it goes on for a minute.
    """
    deadline = time.monotonic() + 60
    with suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, f"process {process.pid} goes on"
            time.sleep(0.01)
