"""What the daily loop costs: a value is edited, ``dvc repro`` runs, by stage.

    python benchmarks/daily_loop.py
    python benchmarks/daily_loop.py --experiment least_squares --edit data.noise=0.2,0.3

In a copy of the project whose environment is this one: CPU seconds, of all processes together, of
``dvc repro`` after an edit, and of each stage that it ran, run once more by itself. What the two
differ by are DVC and its shells. The smallest of several rounds counts; the machine should be idle.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from checkouts import Checkout, copy_project


def cpu_seconds(checkout: Checkout, *command: str) -> tuple[float, str]:
    """The CPU time of a command and of all that it starts, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(checkout.root / "src")}
    answer = subprocess.run(
        command, cwd=checkout.root, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        sys.exit(f"{command} exited {answer.returncode}:\n{answer.stdout}{answer.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, answer.stdout


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
    with tempfile.TemporaryDirectory() as folder:
        checkout = copy_project(Path(folder) / "project")
        checkout.list_experiments({arguments.experiment: {}})
        cpu_seconds(checkout, "dvc", "repro")
        whole, stages = [], {}
        for value in values.split(","):
            checkout.list_experiments({arguments.experiment: nested(key, value)})
            spent, printed = cpu_seconds(checkout, "dvc", "repro")
            whole.append(spent)
            for stage in re.findall(r"Running stage '(\w+)", printed):
                name = [] if stage == "compose" else [arguments.experiment]
                alone, _ = cpu_seconds(
                    checkout, sys.executable, "-m", f"plait.pipeline.{stage}", *name
                )
                stages.setdefault(stage, []).append(alone)
        shown = {stage: min(spent) for stage, spent in stages.items()}
        shown["DVC"] = min(whole) - sum(shown.values())
        for stage, spent in shown.items():
            print(f"{stage:<10}{spent:>6.1f}")
        print(f"{'together':<10}{min(whole):>6.1f} CPU-s after {key} was edited")


if __name__ == "__main__":
    main()
