"""What the daily loop costs: a value is edited, ``dvc repro`` runs, by stage.

    PYTHONPATH=tests python benchmarks/daily_loop.py
    PYTHONPATH=tests python benchmarks/daily_loop.py --experiment least_squares \\
        --edit data.noise=0.2,0.3

In a copy of the project whose environment is this one: CPU seconds, of all processes together, of
``dvc repro`` after an edit. Without forks (``PLAIT_FORK=0``) also of each stage within it, and of
the rest, DVC and its shells; with them, what is imported once is nobody's. The two are measured in
turn, and the smallest of several rounds counts; the machine should be idle. The unit is what
``import torch`` takes here and now, for CPU seconds of a machine that others use are longer.
"""

import argparse
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from checkouts import Checkout, copy_project

SHIM = """#!{python} -IS
import os, resource, sys
status = os.spawnv(os.P_WAIT, {python!r}, [{python!r}, *sys.argv[1:]])
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
with open({log!r}, "a") as log:
    print(sys.argv[2].rpartition(".")[2], spent.ru_utime + spent.ru_stime, file=log)
sys.exit(status)
"""
"""``python``, for DVC to run the stages by: writes down what each has taken."""


class Loop:
    """A copy of the project that lists one experiment.

    :param folder: is filled.
    """

    def __init__(self, folder: Path, experiment: str) -> None:
        self._experiment = experiment
        self._checkout: Checkout = copy_project(folder / "project")
        self._log = folder / "log"
        self._tools = folder / "bin"
        self._tools.mkdir()
        shim = self._tools / "python"
        shim.write_text(SHIM.format(python=sys.executable, log=str(self._log)), encoding="utf-8")
        shim.chmod(0o755)

    def cpu_seconds(self, *command: str, fork: bool = False) -> float:
        """The CPU time of a command and of all that it starts, its orphans included."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        tools = map(str, (self._tools, Path(sys.executable).parent))
        path = os.pathsep.join([*tools, os.environ["PATH"]])
        answer = subprocess.run(
            command,
            cwd=self._checkout.root,
            env={**os.environ, "PATH": path, "PLAIT_FORK": "1" if fork else "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            sys.exit(f"{command} exited {answer.returncode}:\n{answer.stdout}{answer.stderr}")
        with suppress(ChildProcessError):
            while True:
                os.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def repro(self, edit: dict[str, object], fork: bool) -> dict[str, float]:
        """The CPU seconds of ``dvc repro`` under these values, by stage where none is forked."""
        self._checkout.list_experiments({self._experiment: edit})
        self._log.write_text("", encoding="utf-8")
        together = self.cpu_seconds("dvc", "repro", fork=fork)
        if fork:
            return {"forked": together}
        lines = map(str.split, self._log.read_text(encoding="utf-8").splitlines())
        spent = {stage: float(seconds) for stage, seconds in lines}
        return {**spent, "DVC": together - sum(spent.values()), "alone": together}


def nested(key: str, value: str) -> dict[str, object]:
    """``{"optimizer": {"lr": 0.1}}`` of ``optimizer.lr`` and ``0.1``."""
    found: object = float(value)
    for part in reversed(key.split(".")):
        found = {part: found}
    assert isinstance(found, dict)
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiment", default="linear_regression")
    parser.add_argument("--edit", default="optimizer.lr=0.02,0.03,0.04", help="a value a round")
    arguments = parser.parse_args()
    key, _, values = arguments.edit.partition("=")
    become_reaper = 36
    ctypes.CDLL(None).prctl(become_reaper, 1)
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(Path(folder), arguments.experiment)
        loop.repro({}, fork=True)
        least: dict[str, float] = defaultdict(lambda: float("inf"))
        for value in values.split(","):
            unit = loop.cpu_seconds(sys.executable, "-c", "import torch")
            alone = loop.repro(nested(key, value), fork=False)
            # Another value, or nothing would run again.
            forked = loop.repro(nested(key, f"{value}1"), fork=True)
            for name, spent in {**alone, **forked, "unit": unit}.items():
                least[name] = min(least[name], spent)
    for name, spent in least.items():
        print(f"{name:<10}{spent:>6.1f} CPU-s{spent / least['unit']:>6.1f} units")


if __name__ == "__main__":
    main()
