"""What a warm server runs behaves as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from checkouts import ROOT
from processes import wait_until_ended
from warm.start import warm_python

START = "from plait.cli import main; main() if 0 else 0\n"
"""What the server takes for a command of plait's; what comes after it is run."""

TOLD = START + "import os, sys; print(os.getpid(), sys.argv, os.getcwd(), 'torch' in sys.modules)"

WAITS = START + "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


def python(code: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """In a process group of its own."""
    return subprocess.Popen(
        [warm_python(), "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def test_it_has_its_own_arguments_place_and_streams_and_the_imports() -> None:
    process = python(TOLD, "one", "two words")
    out, err = process.communicate()
    number, _, rest = out.partition(" ")
    assert int(number) != process.pid
    assert (rest, err) == ("['-c', 'one', 'two words'] / True\n", "")


def test_where_what_is_imported_reads_a_variable_it_is_cold() -> None:
    process = python(TOLD, MKL_NUM_THREADS="3")
    out, _ = process.communicate()
    assert out.split()[0] == str(process.pid)
    assert out.endswith("False\n")


def test_what_the_libraries_read_later_holds_for_the_command() -> None:
    code = START + (
        "import sys; warm = 'torch' in sys.modules; import torch, threadpoolctl\n"
        "pools = {pool['num_threads'] for pool in threadpoolctl.threadpool_info()}\n"
        "print(warm, torch.get_num_threads(), pools, torch.backends.cpu.get_cpu_capability())"
    )
    process = python(code, OMP_NUM_THREADS="1", ATEN_CPU_CAPABILITY="default")
    assert process.communicate() == ("True 1 {1} DEFAULT\n", "")


@pytest.mark.slow
def test_it_is_warm_for_a_process_that_has_imported_what_tests_import() -> None:
    """Else all commands after a test that imports scikit-learn pay for everything again."""
    imports = "sklearn, lightning.pytorch, mlflow, transformers, peft, optuna, datasets, hydra"
    code = f"import json, os, {imports}; print(json.dumps(dict(os.environ)))"
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    environment = json.loads(told.stdout.splitlines()[-1])
    out, _ = python(TOLD, **environment).communicate()
    assert out.endswith("True\n")


WARNS = START + (
    "import torch; from torch import nn, distributed\n"
    "distributed.init_process_group('gloo', store=distributed.HashStore(), rank=0, world_size=1)\n"
    "model = nn.parallel.DistributedDataParallel(nn.Linear(1, 1), find_unused_parameters=True)\n"
    "model(torch.ones(1, 1)).sum().backward()\n"
    "distributed.destroy_process_group()\n"
)


@pytest.mark.parametrize("level", [{}, {"TORCH_CPP_LOG_LEVEL": "ERROR"}], ids=["warning", "error"])
def test_so_does_the_level_of_what_torch_tells(level: dict[str, str]) -> None:
    _, told = python(WARNS, **level).communicate()
    assert ("find_unused_parameters=True was specified" in told) == (not level)


def test_it_is_in_the_group_of_its_client_and_ends_with_it() -> None:
    process = python(WAITS)
    assert process.stdout is not None
    command = psutil.Process(int(process.stdout.readline()))
    assert os.getpgid(command.pid) == process.pid
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until_ended(command)


def test_it_ends_with_the_parent_that_it_is_told() -> None:
    """The client asks the system for it, as the ranks of a training do where none is between."""
    started = (
        "import os, subprocess, sys, time\n"
        f"code = {START!r} + 'import os, time; print(os.getpid()); time.sleep(60)'\n"
        "print(os.getpid(), flush=True)\n"
        "os.environ.update(PLAIT_PARENT=str(os.getpid()), PYTHONUNBUFFERED='1')\n"
        "subprocess.Popen([sys.executable, '-u', '-c', code])\n"
        "time.sleep(60)\n"
    )
    process = python(START + started)
    assert process.stdout is not None
    parent, number = (int(process.stdout.readline()) for _ in range(2))
    command = psutil.Process(number)
    os.kill(parent, signal.SIGKILL)
    wait_until_ended(command)
    process.communicate()


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no')", 1, "no\n"),
        ("raise ValueError('wrong')", 1, "ValueError: wrong\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        ("import atexit; atexit.register(lambda: print('last', flush=True))", 0, ""),
    ],
)
def test_its_status_and_its_last_words_are_told(code: str, status: int, said: str) -> None:
    process = python(START + code)
    out, err = process.communicate()
    assert process.returncode == status
    assert err.endswith(said)
    assert out == ("last\n" if "atexit" in code else "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_ends_the_client_ends_the_command(number: signal.Signals) -> None:
    process = python(WAITS)
    assert process.stdout is not None
    command = psutil.Process(int(process.stdout.readline()))
    process.send_signal(number)
    process.communicate()
    wait_until_ended(command)
    assert process.returncode == -number


def test_the_code_is_that_of_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "plait").mkdir()
    (tmp_path / "plait" / "__init__.py").write_text("")
    (tmp_path / "plait" / "cli.py").write_text("def main():\n    print('of the checkout')\n")
    process = python("from plait.cli import main; main()", PYTHONPATH=str(tmp_path))
    assert process.communicate()[0] == "of the checkout\n"
