"""``python`` for commands that a warm server may run; what it can't, the true one does."""

import array
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress

PYTHON, ADDRESS = "@python@", "@socket@"

WARM_MODULES = ("plait.pipeline.", "plait.sweeps.worker", "plait.training.distributed.", "dvc")
WARM_CODE = (
    "from plait.",
    "import plait",
    "plait.pipeline.",
    "from training.",
    "import sys, dvc.cli; sys.exit(dvc.cli.main())",
)


def main() -> None:
    arguments = sys.argv[1:]
    unbuffered = arguments[:1] == ["-u"]
    kind, what = [*arguments[unbuffered:], "", ""][:2]
    if (kind == "-m" and what.startswith(WARM_MODULES)) or (
        kind == "-c" and any(part in what for part in WARM_CODE)
    ):
        status = ask(arguments[unbuffered:], unbuffered)
        if status is not None:
            if status < 0:
                with suppress(OSError):  # SIGKILL has no other way
                    signal.signal(-status, signal.SIG_DFL)
                os.kill(os.getpid(), -status)
            os._exit(status)
    os.execv(PYTHON, [PYTHON, *arguments])


def ask(arguments: list[str], unbuffered: bool) -> int | None:
    """The status of the command; None if it is to run in a process of its own."""
    server = socket.socket(socket.AF_UNIX)
    if "PLAIT_PARENT" in os.environ:
        _end_with_parent()
    # Until it is known whom to tell; and what comes then is told.
    caught: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: caught.append(number))
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    try:
        server.connect(ADDRESS)
    except OSError:
        return _alone()
    request = {
        "arguments": arguments,
        "place": os.getcwd(),
        "environment": dict(os.environ),
        "unbuffered": unbuffered,
        "group": os.getpgrp(),
        "parent": os.getppid(),
    }
    text = json.dumps(request).encode()
    files = array.array("i", [0, 1, 2])
    server.sendmsg([b"%8d" % len(text)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files.tobytes())])
    server.sendall(text)
    answers = server.makefile("r")
    first = answers.readline().strip()
    if first in ("cold", ""):
        return _alone()
    pid, told = int(first), 0
    while True:
        while told < len(caught):
            with suppress(ProcessLookupError):
                os.kill(pid, caught[told])
            told += 1
        ready, _, _ = select.select([server, reading], [], [])
        if reading in ready:
            os.read(reading, 64)
        elif server in ready:
            answer = answers.readline().strip()
            return int(answer) if answer else 1


def _end_with_parent() -> None:
    """As the command itself asks for, whose parent is the server."""
    import ctypes

    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if os.getppid() != int(os.environ["PLAIT_PARENT"]):
        os._exit(1)


def _alone() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


main()
