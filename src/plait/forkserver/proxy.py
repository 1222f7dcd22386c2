"""Stand for a forked process: pass on its streams, its signals and its end.

It imports nothing of plait, so that the tests' own commands can start with it alone.
"""

import array
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def connected(address: Path) -> socket.socket | None:
    """To a server of forks; None where none listens."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        return None
    return connection


class Signals:
    """Catches the signals that are meant for the fork, from before it is there."""

    def __init__(self) -> None:
        self.caught: list[signal.Signals] = []
        self.descriptor, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._wakeup = signal.set_wakeup_fd(self._writing)
        self.ignored = [n for n in FORWARDED if signal.getsignal(n) == signal.SIG_IGN]
        self._before = {
            number: signal.signal(number, self._catch)
            for number in FORWARDED
            if number not in self.ignored
        }

    def _catch(self, number: int, frame: FrameType | None) -> None:
        self.caught.append(signal.Signals(number))

    def give_back(self) -> None:
        """Have them act as before; what was caught and is for this process acts now."""
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for number in self.caught:
            os.kill(os.getpid(), number)


def stand_for(
    module: str,
    kind: str,
    environment: Mapping[str, str],
    connection: socket.socket,
    signals: Signals,
) -> int | None:
    """Have a fork run what this process was started for, and wait until it has ended.

    :param kind: of what is to be run; what is of one kind imports much alike.
    :returns: its exit status, negative for a signal; None where the server does not fork for it.
    """
    request = {
        "module": module,
        "arguments": sys.argv,
        "original": sys.orig_argv,
        "kind": kind,
        "folder": os.getcwd(),
        "path": sys.path,
        "environment": dict(environment),
        "umask": _umask(),
        "group": os.getpgrp(),
        "ignored": signals.ignored,
    }
    text = json.dumps(request).encode()
    streams = array.array("i", [0, 1, 2]).tobytes()
    passed = array.array("i")
    try:
        connection.sendmsg([b"%8d" % len(text)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(text)
        answer, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(passed.itemsize))
    except OSError:
        return None
    for _, _, content in ancillary:
        passed.frombytes(content)
    if not passed:
        return None
    # What is sent to the group has reached the fork; what is sent to this process is forwarded.
    with suppress(OSError):
        os.setpgid(0, int(answer))
    fork = passed[0]
    while True:
        while signals.caught:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(fork, signals.caught.pop(0))
        ready, _, _ = select.select([connection.fileno(), signals.descriptor], [], [])
        if connection.fileno() in ready:
            if status := connection.recv(16):
                return int(status)
            print(f"plait: {module} ended with its fork server, which was killed", file=sys.stderr)
            return -signal.SIGKILL
        os.read(signals.descriptor, 64)


def end_as(status: int) -> None:
    """End this process as another has ended, by the same status or signal."""
    if status < 0:
        # Nothing of this process is of interest to anybody.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError):  # SIGKILL has no other way
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
