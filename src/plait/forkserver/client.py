"""Ask for a fork in the place of this process, and stand for it until it has ended.

Half of what a small stage takes is to import PyTorch, Lightning and MLflow, and each stage is a
process of its own, so that DVC runs it. On Linux, the stages that one ``dvc`` runs are forked from
a process which has them already. ``PLAIT_FORK=0`` goes without. Everything that a stage could tell
the difference by names the server: another environment gets another one.
"""

import array
import json
import os
import resource
import select
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

from plait import digests

SWITCH = "PLAIT_FORK"
"""Environment variable: ``0`` runs each stage in a process that imports everything itself."""

OF_STAGE = ("DVC_STAGE", "_", "SHLVL", "OLDPWD")
"""Environment variables that differ between the stages of one ``dvc``, and that nothing imported
reads."""

ALONE = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""What keeps OpenBLAS and Arrow from starting threads when the server imports them: of a process
that forks, no other thread may be at work."""

FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)

LONGEST_ADDRESS = 100
"""Bytes of a socket's path, with what a server puts behind it; the system allows 108."""


def run_in_fork(module: str, kind: str, importing: Mapping[str, str], learned: Path) -> int | None:
    """Have a fork run ``python -m module`` with this process's arguments, streams and signals.

    :param kind: of what is to be run; what is of one kind imports much alike.
    :param importing: environment variables that must be set while it is imported.
    :param learned: a file, in which is kept what each kind imports.
    :returns: its exit status, negative for a signal; None where this process has to run it itself.
    """
    if not _offered() or (owner := _dvc()) is None:
        return None
    address = _address(owner)
    if address is None:
        return None
    signals = _Signals()
    connection = _connected(address) or _started(address, owner, importing, learned)
    try:
        return None if connection is None else _stand_for(module, kind, connection, signals)
    finally:
        signals.give_back()


def end_as(status: int) -> None:
    """End this process as another has ended, by the same status or signal."""
    if status < 0:
        # Nothing of this process is of interest to anybody.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError):  # SIGKILL has no other way
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


def _offered() -> bool:
    traced = sys.gettrace() is not None or sys.getprofile() is not None
    return (
        sys.platform == "linux"
        and "DVC_STAGE" in os.environ
        and os.environ.get(SWITCH, "1") != "0"
        and not traced
    )


def _dvc() -> int | None:
    """The process of DVC that runs this stage: the nearest that was not itself started for one."""
    pid = os.getppid()
    with suppress(OSError):  # that of another user, or one that has just ended
        while pid > 1:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if not any(variable.startswith(b"DVC_STAGE=") for variable in environment):
                return pid
            pid = _status_of(pid)[0]
    return None


def _status_of(pid: int) -> tuple[int, str]:
    """The parent of a process, and when it was started."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(after_name[1]), after_name[19]


def _address(owner: int) -> Path | None:
    """Where the server of this owner and environment listens; None where it can't safely."""
    folder = Path(tempfile.gettempdir()) / f"plait-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        private = found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o077
        path = folder / f"{owner}-{_status_of(owner)[1]}-{_digest(_setting())}"
        if stat.S_ISDIR(found.st_mode) and private and len(str(path)) <= LONGEST_ADDRESS:
            return path
    return None


def _installed() -> dict[str, object]:
    """The interpreter, and the state of what is installed for it."""
    folders = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    return {
        "interpreter": [sys.executable, sys.version],
        "packages": {folder: os.stat(folder).st_mtime_ns for folder in sorted(folders)},
    }


def _setting() -> dict[str, object]:
    """All that a process inherits and that what it imports may go by."""
    limits = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {
        **_installed(),
        "flags": [*sys.flags, *sys.warnoptions, *sorted(sys._xoptions.items())],
        "environment": {
            key: text for key, text in sorted(os.environ.items()) if key not in OF_STAGE
        },
        "session": os.getsid(0),
        "processors": sorted(os.sched_getaffinity(0)),
        "nice": os.nice(0),
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in limits},
    }


def _digest(content: dict[str, object]) -> str:
    return digests.of_text(json.dumps(content), digests.SHORT)


def _connected(address: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        return None
    return connection


def _started(
    address: Path, owner: int, importing: Mapping[str, str], learned: Path
) -> socket.socket | None:
    server = Path(__file__).with_name("server.py")
    ready, told = os.pipe()
    flags: list[str] = vars(subprocess)["_args_from_interpreter_flags"]()  # multiprocessing's way
    arguments = (str(address), str(owner), str(told), str(learned), _digest(_installed()))
    with open(os.devnull, "r+b") as nowhere:
        subprocess.Popen(
            [sys.executable, *flags, str(server), *arguments],
            env={**os.environ, **importing, **ALONE},
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
            pass_fds=(told,),
            # What is sent to the stages' group is not for it.
            process_group=0,
        )
    os.close(told)
    served = os.read(ready, 1)
    os.close(ready)
    return _connected(address) if served else None


class _Signals:
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


def _stand_for(module: str, kind: str, connection: socket.socket, signals: _Signals) -> int | None:
    request = {
        "module": module,
        "arguments": sys.argv,
        "original": sys.orig_argv,
        "kind": kind,
        "folder": os.getcwd(),
        "path": sys.path,
        "environment": {**os.environ, SWITCH: "0"},
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


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
