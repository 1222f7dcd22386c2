"""A stage between two proofs: of all that it reads, and of all that DVC will then hash.

DVC hashes dependencies and params when a command has ended, so whatever is edited meanwhile would
stand in its lock file beside numbers that were made by something else. Hence a stage ends without
result if what it read, or what DVC is about to hash, is no longer what the stage began with.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from plait import loaded
from plait.artifacts import read_json, write_json, write_text
from plait.config.closure import Code
from plait.config.resolved import Resolved
from plait.contents import Contents, Seen, unchanged
from plait.errors import UserError
from plait.pipeline.stages import STAGES, before
from plait.proof.loaded_code import ProvedCode, files_named, modules_of, sources_of
from plait.proof.receipts import Receipts, relevant, write_receipt
from plait.proof.refusal import Unproved
from plait.state import State
from plait.workspace import SRC, Outputs, Workspace

STALE = "# stale: "
"""Begins the line at the end of a resolved file that has `dvc repro` compose it again."""


class Proof:
    """The proof of one stage that is about to run.

    :param composed: the resolved file that DVC will read the values of, where it runs the stage.
    :raises Unproved: if something is not what the identity names.
    """

    def __init__(
        self,
        stage: str,
        workspace: Workspace,
        resolved: Resolved,
        outputs: Outputs,
        composed: Path | None,
    ) -> None:
        self._stage, self._workspace, self._resolved = stage, workspace, resolved
        self._outputs, self._composed = outputs, composed
        state = State.of(workspace)
        self._contents = Contents(state)
        self._settled = False
        if composed is not None and resolved.named_identity != resolved.identity:
            raise self._refusal(f"resolved/{composed.name} is not what `plait compose` wrote")
        self.code = self._prove_code(state)
        self._missing: list[Path] = []
        """The files of the user's that are not here: their readers say what to do."""
        self._files = self._prove_files()
        self._taken = self._prove_taken()

    def settle(self) -> None:
        """What other stages left has been read: it was what was proved.

        The user's own files may be read until the end, as a pretrained model's are.

        :raises Unproved: if something was written meanwhile.
        """
        if not self._settled:
            self._refuse_written(self._taken.values())
            self._settled = True

    def confirm(self) -> None:
        """The stage has ended: what DVC will hash now is what it began with.

        :raises Unproved: if not.
        """
        self._refuse_written(self._files)
        for path in self._missing:
            if path.exists():
                raise self._refusal(f"{self._shown(path)} came while the stage ran")
        self.settle()
        for seen in self._taken.values():
            if not unchanged(seen) and (
                not seen.path.exists() or self._contents.digest(seen.path) != seen.digest
            ):
                raise self._refusal(f"{self._shown(seen.path)} was changed while the stage ran")
        if self._composed is not None:
            try:
                now = Resolved.read(self._composed).read_by(self._stage)
            except (UserError, KeyError):
                now = {}
            if now != self._resolved.read_by(self._stage):
                raise self._refusal(f"resolved/{self._composed.name} was changed meanwhile")

    def sources(self) -> tuple[dict[str, bytes], list[str]]:
        """The code of all stages as the identity names it, by path in the project; and the paths of
        what nobody has any more.
        """
        src = self._workspace.root / SRC
        found, lost = sources_of(State.of(self._workspace), src, Resolved(self._resolved.values))
        return {f"src/{path}": source for path, source in found.items()}, [
            f"src/{path}" for path in lost
        ]

    def write_receipt(self) -> None:
        """Write down what the stage went by and left, where DVC does not do so itself."""
        if self._composed is None or "DVC_STAGE" not in os.environ:
            write_receipt(self._contents, self._resolved, self._stage, self._outputs)

    def _refuse_written(self, read: Iterable[Seen]) -> None:
        for seen in read:
            if not unchanged(seen):
                raise self._refusal(f"{self._shown(seen.path)} was written while it was read")

    def _prove_code(self, state: State) -> ProvedCode:
        src = self._workspace.root / SRC
        code = Code(src, state)
        modules = modules_of(state, code, self._resolved, self._stage)
        if modules is None and self._stage == "record":
            modules = {}
        if modules is None:
            raise self._refusal(
                f"the code of {self._stage} in src/ was edited since it was composed"
            )
        spared = STAGES[self._stage].without_numbers
        proved = ProvedCode(code, state, modules, spared)
        if proved.edited:
            files = files_named(self._workspace.root, proved.edited)
            raise self._refusal(f"{files} was edited since it was composed")
        return proved

    def _prove_files(self) -> list[Seen]:
        found = []
        for key in STAGES[self._stage].files:
            files = self._resolved.values.get(key) or {}
            assert isinstance(files, dict)
            for relative, digest in files.items():
                path = self._workspace.root / relative
                if not path.exists():
                    self._missing.append(path)
                    continue
                seen = self._contents.look(path)
                if f"md5:{seen.digest}" != digest:
                    raise self._refusal(f"{relative} was edited since it was composed")
                found.append(seen)
        return found

    def _prove_taken(self) -> dict[str, Seen]:
        taken = {
            name: self._contents.look(path)
            for name, path in self._outputs.taken_by(self._stage).items()
        }
        digests = {name: seen.digest for name, seen in taken.items()}
        receipts = Receipts(self._workspace, self._resolved.name, self._outputs)
        for earlier in before(self._stage):
            mine = {output.name for output in earlier.outputs} & taken.keys()
            now = relevant(earlier, digests)
            if mine and not any(
                each.is_of(self._resolved, earlier.name, now) for each in receipts.of(earlier.name)
            ):
                paths = ", ".join(self._shown(taken[name].path) for name in sorted(mine))
                raise self._refusal(
                    f"{paths}: not what stage {earlier.name} leaves for this configuration"
                )
        return taken

    def _shown(self, path: Path) -> str:
        for root in (self._workspace.root, self._workspace.anchor):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return str(path)

    def _refusal(self, fault: str) -> Unproved:
        again = "launch it again" if self._composed is None else "run `dvc repro` again"
        advice = f"nothing is recorded of stage {self._stage}: {again}"
        return Unproved(self._resolved.name, fault, advice)


_running: list[Proof] = []


@contextmanager
def proved(
    stage: str,
    workspace: Workspace,
    resolved: Resolved,
    outputs: Outputs,
    composed: Path | None = None,
) -> Iterator[Proof]:
    """Run a stage between its proofs.

    :param composed: as `Proof` has it; a refusal marks it, so that it is composed again.
    :raises Unproved: if something is not, or does not stay, what the identity names.
    """
    try:
        proof = Proof(stage, workspace, resolved, outputs, composed)
        loaded.provide(proof.code.source)
        _running.append(proof)
        try:
            yield proof
            proof.confirm()
        finally:
            _running.pop()
            loaded.provide(_running[-1].code.source if _running else None)
        proof.write_receipt()
    except Unproved as refusal:
        if composed is not None:
            mark_stale(composed, str(refusal))
        raise


def settle() -> None:
    """The running stage has read what other stages left.

    :raises Unproved: if something was written meanwhile.
    """
    if _running:
        _running[-1].settle()


def confirm() -> None:
    """The running stage is about to end: nothing that it goes by has changed.

    :raises Unproved: if something has.
    """
    if _running:
        _running[-1].confirm()


def hand_on(path: Path) -> None:
    """Write down the code of the running stage for a process that does part of its work."""
    if _running:
        write_json(path, _running[-1].code.modules)


def adopt(path: Path, name: str) -> None:
    """Run by the code that `hand_on` wrote down, if it did, until this process ends.

    :param name: of the experiment.
    :raises Unproved: if the code here is other code.
    """
    if not path.exists():
        return
    src = Path(loaded.__file__).parents[1]
    state = State.of(Workspace.at(src.parent))
    proved_code = ProvedCode(Code(src, state), state, read_json(path))
    if proved_code.edited:
        files = files_named(src.parent, proved_code.edited)
        fault = f"{files} was edited since the training began, or differs on this machine"
        raise Unproved(name, fault, "launch it again")
    loaded.provide(proved_code.source)


def sources() -> tuple[dict[str, bytes], list[str]]:
    """What `Proof.sources` gives of the running stage; nothing if none runs."""
    return _running[-1].sources() if _running else ({}, [])


def mark_stale(composed: Path, reason: str) -> None:
    """Have `dvc repro` compose an experiment again, which it would else take for done."""
    if composed.exists():
        text = composed.read_text(encoding="utf-8")
        words = " ".join(reason.split())
        if STALE not in text:
            write_text(composed, f"{text.rstrip()}\n{STALE}{words}\n")
