"""Ask for a fork in the place of this process, and stand for it until it has ended.

Half of what a small stage takes is to import PyTorch, Lightning and MLflow, and each stage is a
process of its own, so that DVC runs it. On Linux, the stages that one ``dvc`` runs are forked from
a process which has them already. ``PLAIT_FORK=0`` goes without. Everything that a stage could tell
the difference by names the server: another environment gets another one.
"""

import json
import os
import resource
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from plait import digests
from plait.forkserver.proxy import Signals, connected, stand_for

SWITCH = "PLAIT_FORK"
"""Environment variable: ``0`` runs each stage in a process that imports everything itself."""

OF_STAGE = ("DVC_STAGE", "_", "SHLVL", "OLDPWD")
"""Environment variables that differ between the stages of one ``dvc``, and that nothing imported
reads."""

ALONE = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""What keeps OpenBLAS and Arrow from starting threads when the server imports them: of a process
that forks, no other thread may be at work."""

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
    signals = Signals()
    try:
        connection = connected(address) or _started(address, owner, importing, learned)
        if connection is None:
            return None
        return stand_for(module, kind, {**os.environ, SWITCH: "0"}, connection, signals)
    finally:
        signals.give_back()


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
        path = folder / f"{owner}-{_status_of(owner)[1]}-{_setting()}"
        if stat.S_ISDIR(found.st_mode) and private and len(str(path)) <= LONGEST_ADDRESS:
            return path
    return None


def _installed() -> str:
    """The digest of the interpreter, and of the state of what is installed for it."""
    folders = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    content = {
        "interpreter": [sys.executable, sys.version],
        "packages": {folder: os.stat(folder).st_mtime_ns for folder in sorted(folders)},
    }
    return digests.of_text(json.dumps(content), digests.SHORT)


def _setting() -> str:
    """The digest of all that a process inherits and that what it imports may go by."""
    limits = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    content = {
        "installed": _installed(),
        "flags": [*sys.flags, *sys.warnoptions, *sorted(sys._xoptions.items())],
        "environment": {
            key: text for key, text in sorted(os.environ.items()) if key not in OF_STAGE
        },
        "session": os.getsid(0),
        "processors": sorted(os.sched_getaffinity(0)),
        "nice": os.nice(0),
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in limits},
    }
    return digests.of_text(json.dumps(content), digests.SHORT)


def _started(
    address: Path, owner: int, importing: Mapping[str, str], learned: Path
) -> socket.socket | None:
    server = Path(__file__).with_name("server.py")
    ready, told = os.pipe()
    flags: list[str] = vars(subprocess)["_args_from_interpreter_flags"]()  # multiprocessing's way
    arguments = (str(address), str(owner), str(told), str(learned), _installed())
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
    return connected(address) if served else None
