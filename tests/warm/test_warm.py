"""What a warm server runs behaves as a process of its own."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from checkouts import ROOT
from warm.start import warm_tools

START = "from plait.cli import main; main() if 0 else 0\n"
"""What the server takes for a command of plait's; what comes after it is run."""

TOLD = START + "import os, sys; print(os.getpid(), sys.argv, os.getcwd(), 'torch' in sys.modules)"

WAITS = START + "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


def python(code: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    tools = warm_tools()
    assert tools is not None
    return subprocess.Popen(
        [tools / "python", "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_has_its_own_arguments_place_and_streams_and_the_imports() -> None:
    process = python(TOLD, "one", "two words")
    out, err = process.communicate()
    number, _, rest = out.partition(" ")
    assert int(number) != process.pid
    assert (rest, err) == ("['-c', 'one', 'two words'] / True\n", "")


def test_where_what_is_imported_reads_a_variable_it_is_cold() -> None:
    process = python(TOLD, OMP_NUM_THREADS="3")
    out, _ = process.communicate()
    assert out.split()[0] == str(process.pid)
    assert out.endswith("False\n")


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
    with suppress(psutil.NoSuchProcess):
        command.wait(30)
    assert process.returncode == -number


def test_the_code_is_that_of_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "plait").mkdir()
    (tmp_path / "plait" / "__init__.py").write_text("")
    (tmp_path / "plait" / "cli.py").write_text("def main():\n    print('of the checkout')\n")
    process = python("from plait.cli import main; main()", PYTHONPATH=str(tmp_path))
    assert process.communicate()[0] == "of the checkout\n"
