"""A copy of the project, and the commands run in it."""

import atexit
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from compileall import compile_dir
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from py_compile import PycInvalidationMode

import yaml

from warm.start import warm_tools

ROOT = Path(__file__).resolve().parent.parent

TOOLS = Path(sys.executable).parent
"""Where this environment's programs are."""

WITHOUT_PLAIT = """
import sys
sys.meta_path = [f for f in sys.meta_path if '__editable__' not in repr(f)]
sys.path = [p for p in sys.path if not p.endswith('/src')]
import importlib.util
assert importlib.util.find_spec('plait') is None
"""
"""Begins a program that runs as if plait were not installed."""

WITHOUT_PICKLE = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""The environment of a program that reads models with nothing unpickled."""


@dataclass(frozen=True)
class Checkout:
    """A copy of the project, with a history of its own."""

    root: Path
    programs: Path | None = None
    """Those of an environment of its own; None: those of the tests."""

    def run(
        self, *command: str, check: bool = True, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it, with this environment's tools first on the path."""
        environment = {**os.environ, **(env or {})}
        # Stages find the copy's own code: no variable of the test process may leak in.
        environment.pop("DVC_ROOT", None)
        warm = None if command[0] == "git" else warm_tools(self.programs)
        tools = [warm, self.programs or TOOLS]
        paths = [*map(str, filter(None, tools)), environment["PATH"]]
        environment["PATH"] = os.pathsep.join(paths)
        environment["GIT_CONFIG_GLOBAL"] = os.devnull
        for role in ("AUTHOR", "COMMITTER"):
            environment[f"GIT_{role}_NAME"] = "A tester"
            environment[f"GIT_{role}_EMAIL"] = "tester@example.org"
        result = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        if check and result.returncode:
            raise AssertionError(
                f"{command} exited {result.returncode}:\n{result.stdout}{result.stderr}"
            )
        return result

    def plait(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a verb, on the copy's own code."""
        code = "from plait.cli import main; main()"
        env = {"PYTHONPATH": str(self.root / "src")}
        return self.run("python", "-c", code, *arguments, check=check, env=env)

    def list_experiments(self, experiments: dict[str, object]) -> None:
        """Write ``params.yaml``."""
        text = yaml.safe_dump({"experiments": experiments}, sort_keys=False)
        (self.root / "params.yaml").write_text(text, encoding="utf-8")

    def make_tiny(self) -> None:
        """Give every experiment two epochs, intervals a few resamples, and no plots: what is shown
        is that commands run, not what is learnt.
        """
        for path in (self.root / "conf").rglob("*.yaml"):
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"\bmax_epochs: \d+", "max_epochs: 2", text)
            text = re.sub(r"\bdraw: true", "draw: false", text)
            path.write_text(re.sub(r"\bresamples: \d+", "resamples: 20", text), encoding="utf-8")

    def has_runs(self) -> bool:
        """Whether anything has been recorded in its own store."""
        if any((self.root / "mlruns" / "artifacts").rglob("*")):
            return True
        with closing(sqlite3.connect(self.root / "mlruns" / "mlflow.db")) as store:
            return bool(store.execute("SELECT count(*) FROM runs").fetchone()[0])

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace ``old``, which must be there, once."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        """Add ``text`` at the end of a file, which may be new."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(text)

    def commit(self, message: str = "a change") -> None:
        """Commit everything."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)


def copy_project(target: Path, *, keep_results: bool = False) -> Checkout:
    """The working tree's tracked and new files in ``target``, committed.

    :param keep_results: with what the pipeline left in git; else the copy makes its own, lists no
        experiment on texts, which take a minute each, and has cheap intervals, no plots and an
        empty store.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(_template(keep_results)), str(target)], check=True)
    return Checkout(target)


@cache
def _template(keep_results: bool) -> Path:
    """The copy that all others of this process are made of; it goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / "project"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    checkout = Checkout(target)
    if not keep_results:
        for stale in ("results", "resolved"):
            shutil.rmtree(target / stale, ignore_errors=True)
        (target / "dvc.lock").unlink(missing_ok=True)
        params = target / "params.yaml"
        listed_text = params.read_text(encoding="utf-8")
        params.write_text(listed_text.partition("  review_sentiment:")[0], encoding="utf-8")
        # Of a small experiment, 500 resamples, plots and importance take most of the time.
        checkout.edit("conf/config.yaml", "  resamples: 500\n", "  resamples: 25\n")
        checkout.edit("conf/config.yaml", "    draw: true ", "    draw: false ")
        checkout.edit("conf/config.yaml", "    repeats: 5 ", "    repeats: 1 ")
        # MLflow's migrations, from the first on, take as long as a small experiment.
        code = (
            "from pathlib import Path; from plait.tracking.store.store import open_store;"
            "from plait.workspace import Workspace; open_store(Workspace.at(Path()), 'local', {})"
        )
        checkout.run("python", "-c", code, env={"PYTHONPATH": str(target / "src")})
        shutil.rmtree(target / ".plait")
    # By content, as `plait.loaded` trusts it.
    compile_dir(target / "src", quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    checkout.run("git", "init", "--quiet", "--initial-branch", "main", "--template=")
    checkout.commit("a copy of the project")
    # Copied by every other test: one file, not one for each of the project's.
    checkout.run("git", "gc", "--quiet")
    return target
