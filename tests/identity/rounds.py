"""A round: a project is attacked as planned, then every run that says FINISHED is made again.

What is found wrong is told in lines; a round without any is a good one. A refusal is a right
outcome, a training that fails too: all that counts is which numbers stand under which identity.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from checkouts import Checkout
from identity import hook, project
from identity.laboratory import asked, clear, ended, fork, inhabitants
from identity.plans import THROUGH_DVC, Plan, Step
from identity.rebuilt import Rebuilder, Run, make_store, rewritten, runs_of, tree_of

LONGEST = 900.0
"""Seconds that a command may take before it counts as one that does not end."""


@dataclass
class Told:
    """What became of a round."""

    wrong: list[str] = field(default_factory=list)
    """A line for each fault."""
    finished: int = 0
    """Runs that say FINISHED, each made again."""
    struck: int = 0
    """Blows whose point came."""
    planned: int = 0
    statuses: list[int | None] = field(default_factory=list)
    """Of the commands under attack."""
    said: str = ""
    """What they printed."""


class Field:
    """Where rounds are fought: a template of the project, and clean results by identity.

    :param folder: emptied by nobody else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.template = project.make(folder / "template")
        asked(partial(make_store, self.template.root), folder)
        self.base = {
            change.path: (self.template.root / change.path).read_bytes()
            for change in project.CHANGES
        }
        self._rebuilder = Rebuilder(self.template.root, folder / "clean", self.base)
        self._rounds = 0

    def fight(self, plan: Plan) -> Told:
        """Carry out a plan, and look at what it has left."""
        self._rounds += 1
        folder = self.folder / f"round{self._rounds}"
        shutil.copytree(self.template.root, folder / "project", symlinks=True)
        try:
            return self._fight(plan, folder)
        finally:
            clear(folder)
            shutil.rmtree(folder)

    def _fight(self, plan: Plan, folder: Path) -> Told:
        checkout, told, base = Checkout(folder / "project"), Told(), dict(self.base)
        if plan.way in THROUGH_DVC:
            project.list_experiments(checkout, *plan.experiments)
            checkout.commit("what is listed")
            base["params.yaml"] = (checkout.root / "params.yaml").read_bytes()
        log = folder / "said.log"
        for number, step in enumerate(plan.steps):
            attack = self._lay_out(step, folder / f"attack{number}", checkout.root, base)
            with _mentioned(folder, plan):
                told.statuses += self._carry_out(step, checkout.root, attack, log)
            told.planned += len(step.blows)
            told.struck += len(list((attack / "done").iterdir()))
        told.said = log.read_text(encoding="utf-8", errors="replace")
        told.wrong += [f"no end: {' '.join(step.command)}"] * told.statuses.count(None)
        self._look(plan, checkout.root, told, "attacked")

        # As it lies there now, and then as it was in the beginning.
        if edited(checkout.root, base):
            self._carry_out(Step(plan.steps[-1].command), checkout.root, None, folder / "left.log")
            self._look(plan, checkout.root, told, "run again as it was left")
        for path in edited(checkout.root, base):
            (checkout.root / path).write_bytes(base[path])
        log = folder / "restored.log"
        # Queued experiments of the attack have run; what is asked for now is the tree itself.
        command = ["dvc", "repro"] if plan.way in THROUGH_DVC else plan.steps[-1].command
        status = self._carry_out(Step(command), checkout.root, None, log)
        if any(status):
            told.wrong.append(
                f"put back as it was, {' '.join(command)} exits with {status}:\n"
                + log.read_text(errors="replace")[-2000:]
            )
        self._look(plan, checkout.root, told, "put back as it was", final=True)
        return told

    def show_teeth(self) -> int:
        """Record a run that nobody attacks, falsify it in each way, and see that this is found.

        :returns: exit status; 1 if a falsification passes for true.
        """
        root = self.folder / "teeth"
        shutil.copytree(self.template.root, root, symlinks=True)
        _command(root, ["plait", "run", "experiment=kept"], None, self.folder / "teeth.log")
        missed = []
        (true,) = asked(partial(runs_of, root), self.folder)
        if self._rebuilder.faults(Run(**true), []):
            missed.append("nothing")
        for name, falsify in FALSIFICATIONS.items():
            falsified = self.folder / "falsified"
            shutil.copytree(root, falsified, symlinks=True)
            falsify(falsified)
            (run,) = asked(partial(runs_of, falsified), self.folder)
            # The copy has its own store, whose paths are still those of the original.
            faults = self._rebuilder.faults(Run(**run), [])
            print(f"{name}: {'; '.join(faults) or 'MISSED'}", flush=True)
            missed += [] if faults else [name]
            shutil.rmtree(falsified)
        return 1 if missed else 0

    def _lay_out(self, step: Step, folder: Path, root: Path, base: dict[str, bytes]) -> Path:
        """The folder of a step's plan."""
        (folder / "done").mkdir(parents=True)
        (folder / "files").mkdir()

        def placed(action: dict[str, Any]) -> dict[str, Any]:
            if "content" not in action:
                return action | {"tree": str(root) if action.get("tree") else None}
            name = action["content"]
            content = base[action["path"]]
            if name != "base":
                content = project.CHANGES[int(name)].of(content.decode()).encode()
            name = f"{name}-{action['path'].replace('/', '-')}"
            (folder / "files" / name).write_bytes(content)
            return action | {"content": name, "tree": str(root) if action["tree"] else None}

        blows = [
            blow | {"number": number, "actions": [placed(action) for action in blow["actions"]]}
            for number, blow in enumerate(step.blows)
        ]
        for action in step.edits:
            hook.write(root, placed(action), folder / "files")
        (folder / "blows.json").write_text(json.dumps(blows), encoding="utf-8")
        return folder

    def _carry_out(
        self, step: Step, root: Path, attack: Path | None, log: Path
    ) -> list[int | None]:
        commands = [step.command]
        if "--queue" in step.command:
            commands.append(["dvc", "exp", "run", "--run-all"])
        statuses = [_command(root, command, attack, log) for command in commands]
        # Whoever outlives what has started it ends soon: its pipe is closed.
        end = time.monotonic() + 60
        while inhabitants(root) and time.monotonic() < end:
            time.sleep(0.05)
        return statuses

    def _look(self, plan: Plan, root: Path, told: Told, when: str, final: bool = False) -> None:
        """Make every finished run again, and the tree's own results where a clean run left them."""
        found = asked(partial(runs_of, root), self.folder)
        runs = [Run(**values) for values in found]
        told.finished = len(runs)
        for run in runs:
            for line in self._rebuilder.faults(run, plan.contents):
                # What is wrong once stays so, and is told once.
                if not any(line in known for known in told.wrong):
                    told.wrong.append(f"{when}: {line}")
        if final and plan.way in THROUGH_DVC:
            for name in plan.experiments:
                tree = Run(**asked(partial(tree_of, root, name), self.folder))
                faults = self._rebuilder.faults(tree, [])
                told.wrong += [f"{when}, {name} in results/: {line}" for line in faults]


def edited(root: Path, base: dict[str, bytes]) -> list[str]:
    """The files that have not the content that they had in the beginning."""
    return [path for path, content in base.items() if (root / path).read_bytes() != content]


def _in_store(*statements: str) -> Callable[[Path], None]:
    def falsify(root: Path) -> None:
        with closing(sqlite3.connect(root / "mlruns" / "mlflow.db")) as store, store:
            for statement in statements:
                assert store.execute(statement).rowcount

    return falsify


def _in_configuration(key: str, value: str) -> Callable[[Path], None]:
    """With an identity that fits, as a process would write it that read something else."""

    def falsify(root: Path) -> None:
        (path,) = (root / "mlruns" / "artifacts").rglob("config/resolved.yaml")
        asked(partial(rewritten, path, key, value), root)

    return falsify


FALSIFICATIONS: dict[str, Callable[[Path], None]] = {
    "a number": _in_store(
        "UPDATE metrics SET value = value * (1 + 1e-7) WHERE key = 'test/mse'",
        "UPDATE latest_metrics SET value = value * (1 + 1e-7) WHERE key = 'test/mse'",
    ),
    "the number that is shown": _in_store(
        "UPDATE latest_metrics SET value = value * (1 + 1e-7) WHERE key = 'test/mse'"
    ),
    "a number that is missing": _in_store(
        "DELETE FROM metrics WHERE key = 'test/mae'",
        "DELETE FROM latest_metrics WHERE key = 'test/mae'",
    ),
    "the weights": _in_store("UPDATE tags SET value = 'other' WHERE key = 'plait.weights'"),
    "the identity": _in_store("UPDATE tags SET value = 'other' WHERE key = 'plait.identity'"),
    "code that never was": _in_configuration("code.train", "0123456789abcdef"),
    "a file that never was": _in_configuration("files." + project.KEPT, "md5:0"),
    "a value": _in_configuration("model.ridge", "3.0"),
}
"""What could be wrong with a run, by what is falsified."""


def _command(root: Path, command: list[str], attack: Path | None, log: Path) -> int | None:
    """Run a command of the project's user; its exit status, None where it did not end."""
    role = "launcher" if "-m" in command else "run"

    def run() -> int:
        os.chdir(root)
        os.environ["PYTHONPATH"] = str(root / "src")
        if attack is not None:
            os.environ[hook.PLAN] = str(attack)
        if command[0] == "dvc":
            return subprocess.run([sys.executable, "-m", *command], check=False).returncode
        sys.path.insert(0, str(root / "src"))
        sys.argv = command
        if attack is not None:
            hook.Attack(attack, role).install()
        from plait.cli import main

        main()
        return 0

    return ended(fork(run, log), LONGEST)


@contextmanager
def _mentioned(folder: Path, plan: Plan) -> Iterator[None]:
    """Leave the plan beside the project while it is carried out, should this process die."""
    path = folder / "plan.json"
    path.write_text(json.dumps(plan.to_json(), indent=2), encoding="utf-8")
    yield
    path.unlink()
