"""What attacks a process from within: edits, put-backs and kills at named points of its own.

Installed before anything else runs, by a line in the virtual environment of the fuzzer (see
`identity.laboratory`) or in a process that was forked for a round. It listens to the interpreter's
audit events, so that the n-th import of a module, or the n-th opening of a file, is the same moment
each time. Nothing but the standard library is imported, and nothing of the project.
"""

import fnmatch
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PLAN = "IDENTITY_FUZZ_PLAN"
"""The environment variable that names the folder of a plan: ``blows.json``, ``files/`` for what is
written, ``done/`` with a file for each blow that was struck."""

TURN = 10_000_000_000
"""Nanoseconds by which the fuzzer's own clock of files goes on with each write."""


class Attack:
    """The blows that concern this process, and how often each one's point was passed.

    :param folder: of the plan.
    :param role: what this process is: ``run``, ``launcher``, ``worker``, a stage, or ``dvc``.
    """

    def __init__(self, folder: Path, role: str) -> None:
        self._folder, self._busy, self.root = folder, False, os.getcwd()
        blows = json.loads((folder / "blows.json").read_text(encoding="utf-8"))
        self._blows = [[blow, 0] for blow in blows if blow["role"] == role]
        self._imported: set[str] = set()

    def install(self) -> None:
        """Listen from now on; there is no way to stop."""
        if self._blows:
            sys.meta_path.insert(0, self)
            sys.addaudithook(self._heard)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Found by nobody here: as the first of the importer's finders, it hears of each import.

        No audit event tells of `importlib.import_module`.
        """
        if name not in self._imported:
            self._imported.add(name)
            self._passed("import", name)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._busy:
            return
        if sys.meta_path and sys.meta_path[0] is not self:
            sys.meta_path[:] = [self, *(finder for finder in sys.meta_path if finder is not self)]
        what = FAMILIES[event](arguments) if event in FAMILIES else None
        if what is not None:
            self._passed(what[0], self._relative(what[1]))

    def _passed(self, kind: str, name: str) -> None:
        if self._busy:
            return
        for entry in self._blows:
            blow = entry[0]
            if blow["kind"] == kind and fnmatch.fnmatchcase(name, blow["what"]):
                entry[1] += 1
                if entry[1] == blow["count"]:
                    self._strike(blow)

    def _relative(self, path: Any) -> str:
        path = os.path.abspath(os.fsdecode(path))
        return path[len(self.root) + 1 :] if path.startswith(self.root + os.sep) else path

    def _strike(self, blow: dict[str, Any]) -> None:
        """Once among all processes of a round."""
        self._busy = True
        try:
            try:
                mark = self._folder / "done" / str(blow["number"])
                os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                return
            for action in blow["actions"]:
                if "kill" in action:
                    os.kill(os.getpid(), getattr(signal, action["kill"]))
                else:
                    there = Path(action["tree"] or self.root)
                    write(there, action, self._folder / "files")
        finally:
            self._busy = False


def write(root: Path, action: dict[str, Any], files: Path) -> None:
    """Give a file of a tree other content, as an editor, a script or `git checkout` would.

    :param action: ``path``; ``content``, a name below ``files``, or ``old`` and ``new``, a text to
        be replaced where it stands; ``how``: in place or by another file's renaming; ``time``: its
        time of change stays as it was, goes on by the fuzzer's own clock, or is now.
    """
    path = root / action["path"]
    if not path.exists() and "old" in action:
        return
    before = path.stat().st_mtime_ns if path.exists() else None
    if "old" in action:
        content = path.read_bytes().replace(action["old"].encode(), action["new"].encode())
    else:
        content = (files / action["content"]).read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    if action["how"] == "rename":
        beside = path.with_name(f".{path.name}.edited")
        beside.write_bytes(content)
        os.replace(beside, path)
    else:
        path.write_bytes(content)
    if action["time"] != "now" and before is not None:
        then = before + (TURN if action["time"] == "turn" else 0)
        os.utime(path, ns=(then, then))


def _opened(arguments: tuple[Any, ...]) -> tuple[str, Any] | None:
    path, mode, flags = arguments
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    writes = flags & (os.O_WRONLY | os.O_RDWR) if isinstance(flags, int) else mode not in "rb"
    return ("write" if writes else "read"), path


FAMILIES = {
    "open": _opened,
    "os.rename": lambda arguments: ("rename", arguments[1]),
    "os.remove": lambda arguments: ("remove", arguments[0]),
}
"""Audit events, and what they are to a plan: a kind and a path."""


def role_of(command: list[str]) -> str | None:
    """What a process is by its command line; None for one that is none of the pipeline's."""
    words = " ".join(command[1:])
    if "plait.sweeps.worker" in words:
        return "worker"
    for stage in ("compose", "generate", "pretrain", "train", "calibrate", "evaluate", "record"):
        if f"plait.pipeline.{stage}" in words:
            return stage
    if "plait.training." in words:
        return "rank"
    if "plait.cli" in words:
        return "launcher" if "-m" in command[3:] else "run"
    return "dvc" if "dvc" in words else None


def start() -> None:
    """Called by every interpreter of the fuzzer's virtual environment when it starts."""
    folder = os.environ.get(PLAN)
    role = role_of(sys.orig_argv) if folder else None
    if folder and role:
        Attack(Path(folder), role).install()
