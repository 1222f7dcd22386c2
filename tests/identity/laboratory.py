"""Where attacked processes live: a virtual environment with the hook, and forks of a warm process.

What is attacked takes a second that way instead of ten: a forked process has torch, Lightning and
MLflow loaded, and nothing of the project, which it imports from the checkout under attack.
"""

import faulthandler
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from identity import hook

LINE = f"import os; os.environ.get({hook.PLAN!r}) and __import__('identity_fuzz_hook').start()\n"
"""Run by `site` in each interpreter of the environment, whatever its PYTHONPATH."""

INSIDE = "IDENTITY_FUZZ_LABORATORY"
"""The environment variable with the folder of this laboratory."""

HEAVY = (
    *("torch", "lightning.pytorch", "torchmetrics", "mlflow", "mlflow.tracking.client"),
    *("mlflow.store.tracking.sqlalchemy_store", "numpy", "pandas", "pandera.pandas"),
    *("pyarrow.parquet", "scipy.stats", "sklearn.linear_model", "sklearn.metrics"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "hydra", "hydra._internal.hydra"),
    *("hydra._internal.config_loader_impl", "omegaconf", "pydantic", "yaml", "filelock"),
    *("safetensors.torch", "skops.io", "jinja2", "threadpoolctl", "tqdm", "packaging.markers"),
    *("torch._dynamo", "sympy", "alembic.command", "mlflow.pyfunc", "pandas.io.formats.style"),
    *("PIL.PngImagePlugin", "antlr4", "sqlalchemy.dialects.sqlite", "lightning.pytorch.trainer"),
)
"""What the pipeline imports of others."""


def environment_of(folder: Path) -> tuple[Path, dict[str, str]]:
    """A virtual environment with the hook over the one of this interpreter.

    :returns: its interpreter, and the variables of its processes.
    """
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    of_this = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = "\n".join(sorted(of_this)) + "\n" + LINE
    (packages / "identity_fuzz.pth").write_text(lines, encoding="utf-8")
    shutil.copy(Path(hook.__file__), packages / "identity_fuzz_hook.py")
    environment = {
        **os.environ,
        # Found by every stage that DVC starts.
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(venv),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "TORCH_CPP_LOG_LEVEL": "ERROR",
        "MPLBACKEND": "agg",
    }
    for role in ("AUTHOR", "COMMITTER"):
        environment[f"GIT_{role}_NAME"] = "A tester"
        environment[f"GIT_{role}_EMAIL"] = "tester@example.org"
    environment.pop("DVC_ROOT", None)
    return python, environment


def enter(arguments: list[str], folder: Path) -> int:
    """Run a program in a laboratory.

    :returns: its exit status.
    """
    python, environment = environment_of(folder)
    environment[INSIDE] = str(folder)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path.endswith("tests"))
    with started([str(python), *arguments], folder, environment) as process:
        status = process.wait()
    if status < 0:
        print(f"the laboratory was ended by signal {-status}", file=sys.stderr)
    return status


@contextmanager
def started(
    command: list[str], within: Path, environment: dict[str, str]
) -> "Iterator[subprocess.Popen[bytes]]":
    """A program; in the end, whatever it has left below a folder is killed."""
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        clear(within)


def warm() -> None:
    """Load what is slow to load, once."""
    faulthandler.enable()
    for name in HEAVY:
        import_module(name)
    import torch
    from mlflow.utils.requirements_utils import _init_modules_to_packages_map

    torch.set_num_threads(1)
    # Of which package each module is: half a second, which MLflow asks for with each model.
    _init_modules_to_packages_map()
    assert "plait" not in sys.modules, "the warm process must know nothing of the project"


def inhabitants(folder: Path) -> list[psutil.Process]:
    """The processes that work below a folder."""
    found = []
    for process in psutil.process_iter(["cwd"]):
        cwd = process.info["cwd"]
        if cwd and Path(cwd).is_relative_to(folder) and process.pid != os.getpid():
            found.append(process)
    return found


def clear(folder: Path) -> None:
    """End what works below a folder."""
    left = inhabitants(folder)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)


def fork(run: Callable[[], int | None], log: Path | None = None) -> int:
    """Start a function in a process of a session of its own; its number.

    :param log: takes what it prints.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler if number == 2 else signal.SIG_DFL)
        if log is not None:
            target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(target, 1)
            os.dup2(target, 2)
        status = run() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def ended(process: int, seconds: float) -> int | None:
    """The exit status of a forked process; None if it was killed because it did not end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


class Failed(Exception):
    """A question had no answer: what its process printed."""


def asked(question: Callable[[], Any], scratch: Path, seconds: float = 900) -> Any:
    """What a function answers in a process of its own, as JSON holds it.

    :raises Failed: if it raises.
    """
    answer = scratch / "answer.json"
    answer.unlink(missing_ok=True)

    def run() -> None:
        answer.write_text(json.dumps(question()), encoding="utf-8")

    log = scratch / "answer.log"
    log.unlink(missing_ok=True)
    status = ended(fork(run, log), seconds)
    if status != 0:
        raise Failed(f"status {status}: {log.read_text(errors='replace').strip()[-2000:]}")
    return json.loads(answer.read_text(encoding="utf-8"))
