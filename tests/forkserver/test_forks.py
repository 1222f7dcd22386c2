"""A fork can't be told from the process of a stage that it replaces, but for its imports."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from checkouts import ROOT
from processes import wait_until_ended

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux")

STAGE = """
import sys
from pathlib import Path
from plait.forkserver.client import run_in_fork
from plait.forkserver.proxy import end_as

status = run_in_fork(sys.argv[1], "kind", {}, Path("imports.json"))
if status is None:
    import runpy
    print("alone", flush=True)
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
else:
    end_as(status)
"""

DVC = """
import os, signal, subprocess, sys
# Ctrl-C is for the stage, as DVC has it.
if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
    signal.signal(signal.SIGINT, lambda number, frame: None)
number = 0
for line in sys.stdin:
    number += 1
    words = line.split()
    own = dict(word.split("=") for word in words if "=" in word)
    words = [word for word in words if "=" not in word]
    given = {**os.environ, "DVC_STAGE": str(number), **own}
    stage = subprocess.Popen([sys.executable, "stage.py", *words], env=given, stdin=0)
    print("status", stage.wait(), flush=True)
"""
"""Runs a stage for each line; to a stage it is what ``dvc`` is."""


class Dvc:
    """Runs modules of ``folder`` as stages."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        # A socket's path must be short, which that of a test's folder is not.
        self.sockets = Path(tempfile.mkdtemp())
        (folder / "stage.py").write_text(STAGE)
        given = {**os.environ, "PLAIT_FORK": "1", "TMPDIR": str(self.sockets), **environment}
        given["PYTHONPATH"] = f"{ROOT / 'src'}:{folder}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", DVC],
            cwd=folder,
            env=given,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def begin(self, module: str, *arguments: str) -> None:
        """Start a stage."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join((module, *arguments)) + "\n")
        self.process.stdin.flush()

    def line(self) -> str:
        """The next line of a stage."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def rest(self) -> list[str]:
        """The stage's further lines, and at last its status."""
        lines = [self.line()]
        while not lines[-1].startswith("status "):
            assert self.process.poll() is None, lines
            lines.append(self.line())
        return lines

    def run(self, module: str, *arguments: str) -> list[str]:
        """A stage's lines, and at last its status."""
        self.begin(module, *arguments)
        return self.rest()

    def servers(self) -> list[psutil.Process]:
        """Those that serve it."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            line = process.info["cmdline"] or []
            if any(part.startswith(str(self.sockets)) for part in line):
                found.append(process)
        return [process for process in found if process.parent() not in found]

    def end(self) -> None:
        """Have it end."""
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        for server in self.servers():
            wait_until_ended(server)
        shutil.rmtree(self.sockets, ignore_errors=True)  # it may have been ended before


Start = Callable[..., Dvc]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts one in an environment."""
    started: list[Dvc] = []

    def start(**environment: str) -> Dvc:
        started.append(Dvc(tmp_path, **environment))
        return started[-1]

    yield start
    for dvc in started:
        dvc.end()


@pytest.fixture
def dvc(start: Start) -> Dvc:
    return start()


def write(dvc: Dvc, module: str, text: str) -> None:
    (dvc.folder / f"{module}.py").write_text(text)


TELLS = """
import os, sys
loaded = "numpy" in sys.modules
import numpy
print(os.getpid(), loaded, sys.argv[1:], os.getcwd(), os.environ["DVC_STAGE"], os.umask(0))
print("to stderr", file=sys.stderr)
"""


def test_it_has_its_own_arguments_place_and_environment_and_the_imports(dvc: Dvc) -> None:
    write(dvc, "tells", TELLS)
    before = dvc.run("tells", "one")
    after = dvc.run("tells", "two")
    mask = os.umask(0)
    os.umask(mask)
    assert [line.split(" ", 1)[1] for line in (before[0], after[0])] == [
        f"False ['tells', 'one'] {dvc.folder} 1 {mask}",
        f"True ['tells', 'two'] {dvc.folder} 2 {mask}",
    ]
    assert (before[1:], after[1:]) == (["to stderr", "status 0"], ["to stderr", "status 0"])
    (server,) = dvc.servers()
    assert "numpy" in json.loads((dvc.folder / "imports.json").read_text())["kinds"]["kind"]
    loaded = {mapped.path for mapped in server.memory_maps()}
    assert any("numpy" in path for path in loaded)


@pytest.mark.slow
def test_what_was_learnt_is_known_to_the_next_dvc_of_the_same_environment_alone(
    start: Start,
    tmp_path: Path,
) -> None:
    write_and_run = []
    for forgets in (False, False, True):
        dvc = start()
        write(dvc, "tells", TELLS)
        if forgets:
            known = json.loads((tmp_path / "imports.json").read_text())
            (tmp_path / "imports.json").write_text(json.dumps({**known, "installed": "other"}))
        write_and_run.append(dvc.run("tells")[0].split()[1])
        dvc.end()
    assert write_and_run == ["False", "True", "False"]


@pytest.mark.parametrize("content", ["", "[]", '{"installed": 1}', "\0"])
def test_damaged_knowledge_is_none(dvc: Dvc, content: str) -> None:
    (dvc.folder / "imports.json").write_text(content)
    write(dvc, "tells", TELLS)
    assert dvc.run("tells")[-1] == "status 0"
    assert "numpy" in json.loads((dvc.folder / "imports.json").read_text())["kinds"]["kind"]


def test_the_code_is_that_of_the_moment(dvc: Dvc) -> None:
    write(dvc, "own", "WORD = 'first'")
    write(dvc, "uses", "import own; print(own.WORD)")
    assert dvc.run("uses") == ["first", "status 0"]
    write(dvc, "own", "WORD = 'second'")
    assert dvc.run("uses") == ["second", "status 0"]
    assert len(dvc.servers()) == 1


@pytest.mark.parametrize("case", ["switched off", "no room for a socket's name"])
def test_else_a_stage_runs_alone(start: Start, tmp_path: Path, case: str) -> None:
    (tmp_path / ("d" * 100)).mkdir()
    long = {"TMPDIR": str(tmp_path / ("d" * 100))}
    dvc = start(**({"PLAIT_FORK": "0"} if case == "switched off" else long))
    write(dvc, "tells", "import sys; print('runs', file=sys.stderr)")
    assert dvc.run("tells") == ["alone", "runs", "status 0"]
    assert dvc.servers() == []
    dvc.end()


def test_without_dvc_a_stage_runs_alone(tmp_path: Path) -> None:
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "tells.py").write_text("print('runs')")
    given = {**os.environ, "PLAIT_FORK": "1", "PYTHONPATH": f"{ROOT / 'src'}:{tmp_path}"}
    given.pop("DVC_STAGE", None)
    said = subprocess.run(
        [sys.executable, "stage.py", "tells"],
        cwd=tmp_path,
        env=given,
        text=True,
        capture_output=True,
        check=True,
    )
    assert said.stdout == "alone\nruns\n"


def test_a_folder_that_others_may_enter_is_not_used(dvc: Dvc) -> None:
    (dvc.sockets / f"plait-{os.getuid()}").mkdir(mode=0o755)
    write(dvc, "tells", "print('runs')")
    assert dvc.run("tells") == ["alone", "runs", "status 0"]


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no')", 1, "no"),
        ("raise ValueError('wrong')", 1, "ValueError: wrong"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        ("import os; os.abort()", -6, ""),
        ("raise KeyboardInterrupt", -2, "KeyboardInterrupt"),
        ("import atexit; atexit.register(lambda: print('last', flush=True))", 0, "last"),
        (
            "import threading, time\n"
            "threading.Thread(target=lambda: (time.sleep(0.1), print('last'))).start()",
            0,
            "last",
        ),
        ("import sys; sys.stdout.close()", 0, ""),
    ],
)
def test_its_status_and_its_last_words_are_told(
    dvc: Dvc, code: str, status: int, said: str
) -> None:
    write(dvc, "ends", code)
    *lines, last = dvc.run("ends")
    assert last == f"status {status}"
    assert ["", *lines][-1] == said


def test_a_traceback_begins_with_the_stage(dvc: Dvc) -> None:
    write(dvc, "fails", "def f():\n    raise ValueError('wrong')\nf()\n")
    lines = dvc.run("fails")
    assert not any("forkserver" in line for line in lines), lines
    assert any("fails.py" in line for line in lines)


COUNTS = """
import os, signal, sys, time
caught = []
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: caught.append(signal.Signals(number).name))
print(os.getpid(), flush=True)
told = 0
while "SIGUSR1" not in caught[:told]:
    time.sleep(0.01)
    for name in caught[told:]:
        print(name, flush=True)
        told += 1
"""
"""Says its number, and each signal that it gets; SIGUSR1 ends it."""


def stage_and_fork(dvc: Dvc) -> tuple[psutil.Process, psutil.Process]:
    """The process that DVC has started, and the fork that works, once it has said its number."""
    fork = psutil.Process(int(dvc.line().split()[0]))
    (stage,) = psutil.Process(dvc.process.pid).children()
    assert stage.pid != fork.pid
    return stage, fork


def test_a_signal_to_the_stage_reaches_the_fork_once(dvc: Dvc) -> None:
    write(dvc, "counts", COUNTS)
    dvc.begin("counts")
    stage, _ = stage_and_fork(dvc)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        stage.send_signal(number)
        assert dvc.line() == number.name
    assert dvc.rest() == ["status 0"]


def test_a_signal_to_the_group_reaches_the_fork_once(dvc: Dvc) -> None:
    write(dvc, "counts", COUNTS)
    dvc.begin("counts")
    stage, fork = stage_and_fork(dvc)
    assert os.getpgid(fork.pid) == os.getpgid(dvc.process.pid)
    wait_until(lambda: os.getpgid(stage.pid) != os.getpgid(fork.pid))
    # As Ctrl-C on a terminal does.
    os.killpg(dvc.process.pid, signal.SIGINT)
    assert dvc.line() == "SIGINT"
    stage.send_signal(signal.SIGUSR1)
    assert dvc.rest() == ["SIGUSR1", "status 0"]


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that is about to be so."""
    while not holds():
        time.sleep(0.01)


def test_what_kills_the_stage_kills_the_fork(dvc: Dvc) -> None:
    write(dvc, "waits", "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    dvc.begin("waits")
    stage, fork = stage_and_fork(dvc)
    stage.kill()
    assert dvc.rest() == ["status -9"]
    wait_until_ended(fork)


def test_a_fork_whose_server_was_killed_is_told(dvc: Dvc) -> None:
    write(dvc, "waits", "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    dvc.begin("waits")
    _, fork = stage_and_fork(dvc)
    (server,) = dvc.servers()
    server.kill()
    assert dvc.rest() == [
        "plait: waits ended with its fork server, which was killed",
        "status -9",
    ]
    wait_until_ended(fork)
    write(dvc, "tells", "print('goes on')")
    assert dvc.run("tells") == ["goes on", "status 0"]


def test_ignored_signals_stay_ignored(start: Start, tmp_path: Path) -> None:
    write_stage = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    (tmp_path / "tells.py").write_text(write_stage)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        dvc = start()
        assert dvc.run("tells") == ["True", "status 0"]
    finally:
        signal.signal(signal.SIGINT, before)
    dvc.end()


def test_the_server_ends_with_its_dvc_and_leaves_nothing(dvc: Dvc) -> None:
    write(dvc, "tells", TELLS)
    dvc.run("tells")
    (server,) = dvc.servers()
    dvc.process.kill()
    wait_until_ended(server)
    assert list((dvc.sockets / f"plait-{os.getuid()}").iterdir()) == []


def test_a_stage_outlives_its_dvc_as_any_process_does(dvc: Dvc) -> None:
    write(
        dvc,
        "waits",
        "import os, time\nfrom pathlib import Path\nprint(os.getpid(), flush=True)\n"
        "while not Path('go').exists(): time.sleep(0.01)\nPath('done').touch()\n",
    )
    dvc.begin("waits")
    _, fork = stage_and_fork(dvc)
    (server,) = dvc.servers()
    dvc.process.kill()
    dvc.process.wait()
    (dvc.folder / "go").touch()
    wait_until_ended(fork)
    wait_until_ended(server)
    assert (dvc.folder / "done").exists()


def test_another_environment_has_another_server(dvc: Dvc) -> None:
    write(dvc, "tells", "import os; print(os.environ.get('OMP_NUM_THREADS'))")
    assert dvc.run("tells") == ["None", "status 0"]
    assert dvc.run("OMP_NUM_THREADS=1", "tells") == ["1", "status 0"]
    assert len(dvc.servers()) == 2


THREADED = """
import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""


@pytest.mark.slow
def test_what_starts_a_thread_when_it_is_imported_is_imported_by_the_stage(
    start: Start, tmp_path: Path
) -> None:
    """The server that finds out forks no more; the next leaves that module out."""
    import sysconfig

    installed = Path(sysconfig.get_path("purelib")) / "starts_a_thread_of_its_own.py"
    installed.write_text(THREADED)
    try:
        (tmp_path / "uses.py").write_text(
            "import sys\n"
            "print('numpy' in sys.modules, 'starts_a_thread_of_its_own' in sys.modules)\n"
            "import numpy, starts_a_thread_of_its_own\n"
        )
        first = start()
        said = [first.run("uses") for _ in range(3)]
        first.end()
        second = start()
        said.append(second.run("uses"))
        second.end()
    finally:
        installed.unlink()
    assert said == [
        ["False False", "status 0"],
        ["alone", "False False", "status 0"],
        ["alone", "False False", "status 0"],
        ["True False", "status 0"],
    ]


POOLS = """
import numpy, scipy.linalg, sklearn, torch, threadpoolctl
found = [(p["internal_api"], p["num_threads"]) for p in threadpoolctl.threadpool_info()]
print(sorted(found), torch.get_num_threads(), torch.get_num_interop_threads())
print(torch.backends.cpu.get_cpu_capability())
"""


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{}, {"OMP_NUM_THREADS": "1"}], ids=["free", "stated"])
def test_libraries_compute_by_as_many_threads(
    start: Start, tmp_path: Path, environment: dict[str, str]
) -> None:
    alone = start(PLAIT_FORK="0", **environment)
    write(alone, "pools", POOLS)
    expected = alone.run("pools")[1:]
    alone.end()
    dvc = start(**environment)
    assert [dvc.run("pools") for _ in range(2)] == [expected, expected]
    dvc.end()


@pytest.mark.slow
def test_variables_that_an_import_sets_are_set(dvc: Dvc) -> None:
    write(dvc, "shows", "import os, sklearn; print(os.environ.get('KMP_INIT_AT_FORK'))")
    assert [dvc.run("shows")[0] for _ in range(2)] == ["FALSE", "FALSE"]


@pytest.mark.slow
def test_random_numbers_are_not_those_of_the_fork_before(dvc: Dvc) -> None:
    write(
        dvc,
        "draws",
        "import random, numpy, torch\n"
        "print(random.random(), numpy.random.random(), torch.rand(()).item())",
    )
    dvc.run("draws")
    first, second = dvc.run("draws")[0].split(), dvc.run("draws")[0].split()
    assert set(first).isdisjoint(second)


def test_a_terminal_is_the_fork_s_own(dvc: Dvc, tmp_path: Path) -> None:
    """It reads from it, as a debugger does, and Ctrl-C reaches it once."""
    (tmp_path / "asks.py").write_text(
        "import os, signal, sys, time\n"
        "caught = []\n"
        "print('tty', os.isatty(0), sys.stdout.line_buffering)\n"
        "print('said', input('? '))\n"
        "signal.signal(signal.SIGINT, lambda *_: caught.append(1))\n"
        "print('ready', flush=True)\n"
        "while not caught: time.sleep(0.01)\n"
        "time.sleep(0.2)\n"
        "print('caught', len(caught))\n"
    )
    outer = (
        "import os, signal, subprocess, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "given = {**os.environ, 'DVC_STAGE': 'asks'}\n"
        "stage = subprocess.Popen([sys.executable, 'stage.py', 'asks'], env=given,\n"
        "    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))\n"
        "print('status', stage.wait())\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.environ |= {"PLAIT_FORK": "1", "TMPDIR": str(dvc.sockets)}
        os.environ["PYTHONPATH"] = f"{ROOT / 'src'}:{tmp_path}"
        os.execv(sys.executable, [sys.executable, "-c", outer])
    shown = b""

    def show(until: bytes) -> None:
        nonlocal shown
        while until not in shown:
            ready, _, _ = select.select([terminal], [], [], 60)
            assert ready, shown
            shown += os.read(terminal, 1024)

    show(b"? ")
    os.write(terminal, b"hello\n")
    show(b"ready")
    os.write(terminal, b"\x03")
    show(b"status 0")
    os.waitpid(pid, 0)
    os.close(terminal)
    lines = shown.decode().replace("\r", "").splitlines()
    assert "alone" not in lines
    assert lines[0] == "tty True True"
    assert "said hello" in lines
    # What the terminal echoes of Ctrl-C stands before it or above.
    assert [line.removeprefix("^C") for line in lines if "caught" in line] == ["caught 1"]
