"""Imports what stages import of others, and forks a process for each stage that asks.

A script for `plait.forkserver.client` to start, ``python server.py SOCKET OWNER READY LEARNED
INSTALLED``. It imports no part of plait: a fork does, from the checkout that it runs in. What to
import it learns from what its forks have imported, by kind of stage. It ends once its owner has
ended, the process of DVC that runs the stages.
"""

import array
import atexit
import ctypes
import gc
import io
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import sysconfig
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import NoReturn, TypedDict

HELD = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that reach a child once it is what its client asked for."""

DRIVERS = ("/dev/nvidia", "/dev/kfd")
"""Devices that a process which forks may not have open."""

BESIDE = runpy.run_path(str(Path(__file__).with_name("torchmetrics_import.py")))
OWN_IMPORTS = {"torchmetrics": BESIDE["import_torchmetrics"]}

STARTED_WITH = dict(os.environ)


class Request(TypedDict):
    """What a client asks for: to run a module as ``python -m`` does."""

    module: str
    arguments: list[str]
    original: list[str]  # the interpreter's own
    kind: str
    folder: str
    path: list[str]
    environment: dict[str, str]
    umask: int
    group: int  # of processes, to join
    ignored: list[int]  # signals


class Imports:
    """What each kind of stage imports, as far as it is known.

    :param file: keeps it from one server to the next. It may be removed at any time.
    :param installed: names what is installed; what is known of anything else is forgotten.
    """

    def __init__(self, file: Path, installed: str) -> None:
        self._file, self._installed = file, installed
        self._kinds: dict[str, list[str]] = {}
        self._never: list[str] = []
        self._forkable = True  # it has one thread, and no device is open
        with suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(file.read_text(encoding="utf-8"))
            if known["installed"] == installed:
                self._kinds, self._never = dict(known["kinds"]), list(known["never"])

    def prepare(self, request: Request) -> bool:
        """Import what stages of this kind do; whether this process may still fork."""
        self._forkable = self._forkable and _may_fork()
        for name in self._kinds.get(request["kind"], ()):
            if not self._forkable:
                break
            if name in sys.modules or name in self._never:
                continue
            try:
                with warnings.catch_warnings():
                    OWN_IMPORTS.get(name.partition(".")[0], import_module)(name)
            except Exception:
                # The stage will import it itself, and say what is wrong if it still fails. Half of
                # it may be left behind here, so that this process is no longer as a new one.
                self._forkable = False
            else:
                self._forkable = _may_fork()
            if not self._forkable:
                self._never.append(name)
                self._keep()
        return self._forkable

    def learn(self, kind: str, names: list[str]) -> None:
        """Add what a fork has imported to what stages of this kind do."""
        known = self._kinds.setdefault(kind, [])
        if new := [name for name in names if name not in known]:
            known.extend(new)
            self._keep()

    def _keep(self) -> None:
        known = {"installed": self._installed, "kinds": self._kinds, "never": self._never}
        beside = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # it is learnt again
            self._file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(known), encoding="utf-8")
            beside.replace(self._file)


def _may_fork() -> bool:
    """Whether nothing is here that does not survive a fork: no thread, no open device."""
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the listing itself
            if os.readlink(f"/proc/self/fd/{number}").startswith(DRIVERS):
                return False
    return len(os.listdir("/proc/self/task")) == 1


class Fork:
    """A child, and the client that waits for its end."""

    def __init__(self, pid: int, connection: socket.socket, kind: str) -> None:
        self.pid, self.connection, self.kind = pid, connection, kind
        self.end = os.pidfd_open(pid)


def serve(owner: int, address: Path, listener: socket.socket, imports: Imports) -> Request:
    """Fork a child for each request; returns in a child alone, with what it is to run.

    :param owner: a descriptor of the process to end with.
    :param address: of the listener; what children report lies beside it.
    """
    running: dict[int, Fork] = {}
    watched = {owner, listener.fileno()}
    while watched or running:
        clients = {fork.connection.fileno(): fork for fork in running.values()}
        ready, _, _ = select.select([*watched, *running, *clients], [], [])
        for descriptor in ready:
            if descriptor == owner:
                # No stage can come any more; those that run are waited for.
                watched.clear()
            elif fork := running.get(descriptor):
                del running[descriptor]
                _end(fork, imports, Path(f"{address}.{fork.pid}"))
            elif (fork := clients.get(descriptor)) and fork.end in running:
                # The client was killed, and so is what it stands for.
                signal.pidfd_send_signal(fork.end, signal.SIGKILL)
                select.select([fork.end], [], [])
            elif descriptor in watched:
                client, _ = listener.accept()
                asked = _read(client)
                if asked is None:
                    client.close()
                    continue
                request, files = asked
                if not imports.prepare(request):
                    client.sendall(b"alone\n")
                    client.close()
                elif (pid := _fork()) == 0:
                    _close(listener.fileno(), owner, client.fileno(), *clients, *running)
                    for number, file in enumerate(files):
                        os.dup2(file, number)
                    _close(*files)
                    return request
                else:
                    fork = Fork(pid, client, request["kind"])
                    running[fork.end] = fork
                    _tell_started(fork, request["group"])
                _close(*files)
    address.unlink(missing_ok=True)
    os._exit(0)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _fork() -> int:
    # What is there already is no garbage: to look at it would copy it into every child.
    gc.collect()
    gc.freeze()
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    if pid := os.fork():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    return pid


def _read(client: socket.socket) -> tuple[Request, list[int]] | None:
    """What a client asks, and its standard streams; None if it has gone."""
    files = array.array("i")
    try:
        header, ancillary, _, _ = client.recvmsg(8, socket.CMSG_SPACE(3 * files.itemsize))
        for _, _, content in ancillary:
            files.frombytes(content)
        return json.loads(client.recv(int(header), socket.MSG_WAITALL)), list(files)
    except (OSError, ValueError):
        _close(*files)
        return None


def _tell_started(fork: Fork, group: int) -> None:
    """Pass on its descriptor, once it gets what is sent to the client's process group."""
    with suppress(ProcessLookupError, PermissionError):  # it is over; or of another session
        os.setpgid(fork.pid, group)
    descriptor = array.array("i", [fork.end]).tobytes()
    with suppress(OSError):  # the client is gone, which is seen next
        fork.connection.sendmsg(
            [b"%8d" % os.getpgrp()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor)]
        )


def _end(fork: Fork, imports: Imports, report: Path) -> None:
    _, status = os.waitpid(fork.pid, 0)
    with suppress(OSError, ValueError):  # it was killed before it could tell
        imports.learn(fork.kind, json.loads(report.read_text(encoding="utf-8")))
    report.unlink(missing_ok=True)
    with suppress(OSError):  # the client does not wait
        fork.connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    fork.connection.close()
    os.close(fork.end)


def become(request: Request) -> None:
    """Be the process that a client has asked for, up to its first own line."""
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for ignored in request["ignored"]:
        signal.signal(ignored, signal.SIG_IGN)
    gc.enable()
    os.umask(request["umask"])
    os.chdir(request["folder"])
    # Some libraries set variables when they are imported, for what they do later.
    own = {key: text for key, text in os.environ.items() if STARTED_WITH.get(key) != text}
    os.environ.clear()
    os.environ.update({**own, **request["environment"]})
    sys.path[:] = request["path"]
    sys.argv, sys.orig_argv = request["arguments"], request["original"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=stream is sys.stderr or stream.isatty())
    random.seed()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()
    _give_threads_back()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


def _give_threads_back() -> None:
    """As many threads as OpenBLAS takes where it is imported by the process itself."""
    if "numpy" not in sys.modules and "scipy" not in sys.modules:
        return
    from threadpoolctl import ThreadpoolController

    stated = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
    numbers = [int(os.environ[key]) for key in stated if os.environ.get(key, "").isdigit()]
    threads = next(filter(None, numbers), len(os.sched_getaffinity(0)))
    for library in ThreadpoolController().lib_controllers:
        if library.internal_api == "openblas":
            library.set_num_threads(threads)


def run(request: Request, body: Callable[[Request], None], report: Path) -> NoReturn:
    """Run what a client has asked for to its end, and report what was imported.

    As the interpreter ends, but for taking apart what it has imported, as `multiprocessing` does.
    """
    before, status = set(sys.modules), 0
    try:
        become(request)
        body(request)
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        error = error.with_traceback(_of_module(error.__traceback__))
        sys.excepthook(type(error), error, error.__traceback__)
        status = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    vars(threading)["_shutdown"]()
    atexit._run_exitfuncs()
    with suppress(OSError):  # nothing is learnt
        report.write_text(json.dumps(imported(before)), encoding="utf-8")
    with suppress(OSError, ValueError):  # a reader that has gone, or a stream that is closed
        sys.stdout.flush()
        sys.stderr.flush()
    if status == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status & 0xFF)


def _of_module(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback from where the module's own code begins."""
    while traceback is not None and traceback.tb_frame.f_globals is globals():
        traceback = traceback.tb_next
    return traceback


def imported(before: set[str]) -> list[str]:
    """Modules of installed packages that were imported since, in order; plait's own excepted."""
    folders = tuple({sysconfig.get_path(name) + os.sep for name in ("purelib", "platlib")})
    return [
        name
        for name, module in list(sys.modules.items())
        if name not in before
        and name.partition(".")[0] != "plait"
        and str(getattr(getattr(module, "__spec__", None), "origin", None)).startswith(folders)
    ]


def listen(address: Path) -> socket.socket:
    """Where clients connect, in the place of a server that was killed."""
    listener = socket.socket(socket.AF_UNIX)
    beside = address.with_suffix(f".{os.getpid()}")
    listener.bind(str(beside))
    listener.listen(16)
    beside.replace(address)
    return listener


def _run_module(request: Request) -> None:
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def main(address: Path, owner: int, ready: int, learned: Path, installed: str) -> None:
    """Serve until the owner has ended; ``ready`` is written to once clients can connect."""
    gc.disable()
    end = os.pidfd_open(owner)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    listener = listen(address)
    os.write(ready, b"1")
    os.close(ready)
    request = serve(end, address, listener, Imports(learned, installed))
    run(request, _run_module, Path(f"{address}.{os.getpid()}"))


if __name__ == "__main__":
    del sys.path[0]  # the script's own folder: what lies there is plait's
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])
