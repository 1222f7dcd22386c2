"""Imports what plait imports of others, and forks a process for each command that asks.

Half of what a small stage takes is to import PyTorch, Lightning and MLflow. A child of this process
has them already; plait itself it imports from the checkout that it runs in, as any process does.
``python server.py SOCKET``; it ends when its standard input does.
"""

import array
import atexit
import copy
import ctypes
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

READ_AT_IMPORT = (
    *("OMP_", "MKL_", "OPENBLAS_", "ATEN_", "TORCH_", "CUDA_", "NUMEXPR_", "KMP_", "GOMP_"),
    *("PYTHONHASHSEED", "PYTHONUTF8", "PYTHONWARNINGS", "PYTHONOPTIMIZE", "LC_", "LANG", "TZ"),
    *("MPL", "HF_", "TRANSFORMERS_", "LD_"),
)
"""Starts of the variables by which what is imported may differ."""

READ_LATER = (
    *("OMP_NUM_THREADS", "TORCH_CPP_LOG_LEVEL"),
    *("ATEN_CPU_CAPABILITY", "MKL_CBWR", "CUDA_VISIBLE_DEVICES", "TORCH_NCCL_ASYNC_ERROR_HANDLING"),
)
"""Those of them that `read_again` acts on, and those that are read when something is computed."""

SET_BY_IMPORTS = ("KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK")
"""What scikit-learn sets where it is imported: here, and in a test process, whose commands would
otherwise all be cold from then on."""


def fixed(environment: dict[str, str]) -> dict[str, str]:
    """The part of an environment that a command must share with this process."""
    return {
        key: text
        for key, text in environment.items()
        if key.startswith(READ_AT_IMPORT) and key not in (*READ_LATER, *SET_BY_IMPORTS)
    }


def read_again() -> None:
    """What the libraries have read when they were imported, for the environment of a command."""
    import torch
    from threadpoolctl import threadpool_limits

    if threads := os.environ.get("OMP_NUM_THREADS"):
        threadpool_limits(int(threads))
        torch.set_num_threads(int(threads))
    if "TORCH_CPP_LOG_LEVEL" in os.environ:
        library = Path(torch.__file__).parent / "lib" / "libc10.so"
        ctypes.CDLL(str(library))["_ZN3c1011initLoggingEv"]()


def import_all() -> None:
    # As `plait.tracking.store.store` has it.
    own = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_UV_AUTO_DETECT": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }
    os.environ.update(own)
    import dvc.cli
    import dvc.commands.repro
    import dvc.repo.experiments.run
    import dvc.repo.reproduce
    import dvc.repo.status
    import dvc.stage.run  # noqa: F401
    import hydra._internal.config_loader_impl
    import hydra._internal.hydra  # noqa: F401
    import lightning.pytorch  # noqa: F401
    import matplotlib.backends.backend_agg as agg  # noqa: F401
    import mlflow.pyfunc
    import mlflow.store.tracking.sqlalchemy_store
    import mlflow.tracking  # noqa: F401
    import networkx  # noqa: F401
    import omegaconf  # noqa: F401
    import pandera.pandas  # noqa: F401
    import PIL.PngImagePlugin  # noqa: F401
    import pyarrow.dataset
    import pyarrow.parquet  # noqa: F401
    import sklearn.linear_model
    import sklearn.metrics
    import sklearn.tree  # noqa: F401
    import skops.io  # noqa: F401
    import torch._dynamo
    import torch.distributed.fsdp
    import torch.export  # noqa: F401
    from mlflow.utils.requirements_utils import _init_modules_to_packages_map

    # What an extra brings, an environment may be without.
    with suppress(ImportError):
        import peft  # noqa: F401
        import transformers.models.bert.modeling_bert  # noqa: F401

    # Of which package each module is: half a second, which MLflow asks for with each model.
    _init_modules_to_packages_map()

    for key in own:
        del os.environ[key]
    parse_once()


def parse_once() -> None:
    """Have DVC parse each text of YAML once: half of what a small ``dvc repro`` takes is to parse
    the same ``resolved/*.yaml`` for every stage again, by a parser in Python.
    """
    import dvc.utils.serialize._yaml as plain
    import dvc.utils.strictyaml as strict

    parse = plain.parse_yaml
    parsed: dict[str, Any] = {}

    def parse_yaml(text: str, path: str, typ: str = "safe") -> Any:
        if typ != "safe":
            return parse(text, path, typ)
        if text not in parsed:
            parsed[text] = parse(text, path, typ)
        return copy.deepcopy(parsed[text])

    plain.parse_yaml = strict.parse_yaml = parse_yaml


class Waiting:
    """A child, and the client that waits for its end."""

    def __init__(self, pid: int, client: socket.socket) -> None:
        self.pid, self.client = pid, client
        self.end = os.pidfd_open(pid)


def serve(path: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Fork a child for each request; returns in a child alone, with what it is to run.

    :param environment: what `fixed` gave before anything was imported.
    """
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(16)
    running: list[Waiting] = []
    while True:
        waited = {child.end: child for child in running}
        clients = {child.client.fileno(): child for child in running}
        ready, _, _ = select.select([0, listener.fileno(), *waited, *clients], [], [])
        for descriptor in ready:
            if descriptor == 0:
                _end(running)
            elif descriptor in waited:
                child = waited[descriptor]
                _, status = os.waitpid(child.pid, 0)
                _answer(child.client, str(os.waitstatus_to_exitcode(status)))
                os.close(child.end)
                running.remove(child)
            elif descriptor == listener.fileno():
                client, _ = listener.accept()
                request, files = _read(client)
                shared = fixed(request["environment"]) == environment
                pid = os.fork() if shared else None
                if pid is not None:
                    # By both, so that it is done whichever goes on first.
                    _join_group(pid, request["group"])
                if pid == 0:
                    listener.close()
                    for child in running:
                        os.close(child.end)
                        child.client.close()
                    client.close()
                    python = str(path.parent / "bin" / "python")
                    return {**request, "files": files, "python": python}
                for number in files:
                    os.close(number)
                if pid is None:
                    _answer(client, "cold")
                else:
                    client.sendall(f"{pid}\n".encode())
                    running.append(Waiting(pid, client))
            elif descriptor in clients and clients[descriptor] in running:
                # The client is gone, and nobody waits for the command any more.
                os.kill(clients[descriptor].pid, signal.SIGKILL)
                select.select([clients[descriptor].end], [], [])


def _join_group(pid: int, group: int) -> None:
    """Have a signal to the client's group reach the command; in another session that can't be."""
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, group)


def _end(running: list[Waiting]) -> NoReturn:
    for child in running:
        os.kill(child.pid, signal.SIGKILL)
    os._exit(0)


def _answer(client: socket.socket, word: str) -> None:
    with suppress(BrokenPipeError):  # it did not wait
        client.sendall(f"{word}\n".encode())
    client.close()


def _read(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    files = array.array("i")
    header, ancillary, _, _ = client.recvmsg(8, socket.CMSG_SPACE(3 * files.itemsize))
    for _, _, content in ancillary:
        files.frombytes(content)
    size, text = int(header), b""
    while len(text) < size:
        text += client.recv(size - len(text))
    return json.loads(text), list(files)


def run(request: dict[str, Any]) -> None:
    """Be the process that a client has asked for."""
    for number, file in enumerate(request["files"]):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["place"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    read_again()
    os.getppid = lambda: request["parent"]
    if request["unbuffered"]:
        sys.stdout.reconfigure(write_through=True)
        sys.stderr.reconfigure(write_through=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    paths = os.environ.get("PYTHONPATH", "")
    kind, what, *arguments = request["arguments"]
    here = request["place"] if kind == "-m" else ""
    sys.path[:] = [here, *filter(None, paths.split(os.pathsep)), *sys.path[1:]]
    sys.executable = request["python"]
    if kind == "-m":
        sys.argv = [what, *arguments]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *arguments]
        main = ModuleType("__main__")
        sys.modules["__main__"] = main
        exec(compile(what, "<string>", "exec"), main.__dict__)


def run_to_end(request: dict[str, Any]) -> NoReturn:
    """As the interpreter does, but for taking apart what it has imported: that takes seconds here,
    for all of it would have to be copied first.
    """
    status = 0
    try:
        run(request)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException as error:
        sys.excepthook(*sys.exc_info())
        status = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if status == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status & 0xFF)


if __name__ == "__main__":
    before = fixed(dict(os.environ))
    import_all()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is there already is no garbage: to look at it would copy it into every child.
    gc.freeze()
    run_to_end(serve(Path(sys.argv[1]), before))
