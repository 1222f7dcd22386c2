"""Imports what plait imports of others, and forks a process for each command that asks.

Half of what a small stage takes is to import PyTorch, Lightning and MLflow. A child of this process
has them already; plait itself it imports from the checkout that it runs in, as any process does.
How it forks is `plait.forkserver.server`'s. ``python server.py SOCKET OWNER FORKSERVER``: it ends
with its owner, a process.
"""

import copy
import ctypes
import gc
import os
import runpy
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

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


class Everything:
    """All is imported before the first command comes; see `plait.forkserver.server.Imports`."""

    def __init__(self, environment: dict[str, str]) -> None:
        """``environment``: what `fixed` gave before anything was imported."""
        self._environment = environment

    def prepare(self, request: dict[str, Any]) -> bool:
        return fixed(request["environment"]) == self._environment

    def learn(self, kind: str, names: list[str]) -> None:
        """There is nothing left to learn."""


def run_as_interpreter(request: dict[str, Any]) -> None:
    """``python [-u] -m MODULE ...`` or ``python [-u] -c CODE ...``."""
    time.tzset()
    read_again()
    # The client itself ends with the parent that the command was told, and this with the client.
    if "PLAIT_PARENT" in os.environ:
        os.environ["PLAIT_PARENT"] = str(os.getppid())
    tool, *arguments = request["arguments"]
    if arguments[0] == "-u":
        del arguments[0]
        sys.stdout.reconfigure(write_through=True)
        sys.stderr.reconfigure(write_through=True)
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    kind, what, *rest = arguments
    paths = os.environ.get("PYTHONPATH", "")
    here = request["folder"] if kind == "-m" else ""
    sys.path[:] = [here, *filter(None, paths.split(os.pathsep)), *PATH]
    sys.executable = tool
    if kind == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *rest]
        main = ModuleType("__main__")
        sys.modules["__main__"] = main
        exec(compile(what, "<string>", "exec"), main.__dict__)


if __name__ == "__main__":
    before = fixed(dict(os.environ))
    address, owner = Path(sys.argv[1]), os.pidfd_open(int(sys.argv[2]))
    sys.path[0] = sys.argv[3]
    forks = import_module("server")
    del sys.path[0]
    PATH = sys.path[:]
    gc.disable()
    import_all()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked = forks.serve(owner, address, forks.listen(address), Everything(before))
    forks.run(asked, run_as_interpreter, Path(f"{address}.{os.getpid()}"))
