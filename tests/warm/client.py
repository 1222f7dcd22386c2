"""``python`` for commands that a warm server may run; what it can't, the true one does."""

import ctypes
import os
import signal
import sys
from pathlib import Path

PYTHON, ADDRESS, FORKSERVER = "@python@", "@socket@", "@forkserver@"

sys.path.insert(0, FORKSERVER)
from proxy import Signals, connected, end_as, stand_for  # noqa: E402

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
    kind, what = [*arguments[arguments[:1] == ["-u"] :], "", ""][:2]
    if (kind == "-m" and what.startswith(WARM_MODULES)) or (
        kind == "-c" and any(part in what for part in WARM_CODE)
    ):
        status = ask(what if kind == "-m" else "a command")
        if status is not None:
            end_as(status)
    os.execv(PYTHON, [PYTHON, *arguments])


def ask(what: str) -> int | None:
    """The status of the command; None if it is to run in a process of its own."""
    if "PLAIT_PARENT" in os.environ:
        _end_with_parent()
    signals = Signals()
    server = connected(Path(ADDRESS))
    try:
        return None if server is None else stand_for(what, "", os.environ, server, signals)
    finally:
        signals.give_back()


def _end_with_parent() -> None:
    """As the command itself asks for, whose parent is the server."""
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if os.getppid() != int(os.environ["PLAIT_PARENT"]):
        os._exit(1)


main()
