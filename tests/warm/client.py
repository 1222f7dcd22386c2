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

WARM = (
    *("plait.pipeline.", "plait.sweeps.worker"),
    *("from plait.cli import main; main()", "from plait.cli import console; console()"),
    "import sys, dvc.cli; sys.exit(dvc.cli.main())",
)


def main() -> None:
    arguments = sys.argv[1:]
    if len(arguments) > 1 and arguments[0] in ("-m", "-c") and arguments[1].startswith(WARM):
        status = ask(arguments)
        if status is not None:
            if status < 0:
                with suppress(OSError):  # SIGKILL has no other way
                    signal.signal(-status, signal.SIG_DFL)
                os.kill(os.getpid(), -status)
            os._exit(status)
    os.execv(PYTHON, [PYTHON, *arguments])


def ask(arguments: list[str]) -> int | None:
    """The status of the command; None if it is to run in a process of its own."""
    server = socket.socket(socket.AF_UNIX)
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


def _alone() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


main()
