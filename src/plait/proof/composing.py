"""Composing between two looks at all that it reads: DVC hashes these inputs when it has ended."""

from collections.abc import Callable
from pathlib import Path

from plait import loaded
from plait.config.closure import Code
from plait.contents import Contents, Facts, files_of
from plait.errors import UserError
from plait.proof.loaded_code import files_named
from plait.state import State
from plait.workspace import CONF, LOCK, PACKAGE, PARAMS, RAW, SRC

INPUTS = (PARAMS, CONF, RAW, LOCK, PACKAGE)
"""What composing reads; ``dvc.yaml`` names the same."""

NOT_HASHED = "__pycache__"
"""What DVC leaves out, as .dvcignore says."""

TRIES = 5
"""Times that is composed at most while somebody writes."""


def compose_undisturbed(root: Path, state: State, compose: Callable[[], None]) -> None:
    """Compose, again if an input was written meanwhile.

    :param compose: as often as one likes; the last time counts.
    :raises UserError: if somebody goes on writing, or if this process runs code that is no longer
        there.
    """
    contents = Contents(state)
    written = ""
    for _ in range(TRIES):
        contents.wait_until_settled(root / name for name in INPUTS)
        before = _facts(root)
        compose()
        after = _facts(root)
        if before == after:
            _refuse_other_code(root, state)
            return
        written = min(path for path in before | after if before.get(path) != after.get(path))
    raise UserError(f"{written} is written while it is read; compose again when that has ended")


def _facts(root: Path) -> dict[str, Facts]:
    return {
        f"{name}/{file}".rstrip("/"): facts
        for name in INPUTS
        if (root / name).exists()
        for file, facts in files_of(root / name)
        if NOT_HASHED not in file.split("/")
    }


def _refuse_other_code(root: Path, state: State) -> None:
    """What was loaded before the first look may have been edited between the two."""
    if not Path(loaded.__file__).is_relative_to(root.resolve()):
        return  # this process composes another tree than its own
    code = Code(root / SRC, state)
    edited = []
    for name, source in loaded.sources.items():
        path = code.path(name)
        if path is None or code.module(name, source) != code.module(name, path.read_bytes()):
            edited.append(name)
    if edited:
        files = files_named(root, edited)
        raise UserError(f"{files} was edited while composing started; compose again")
