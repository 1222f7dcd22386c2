"""The code that a stage runs is the code that its identity names: proved as it is loaded.

A digest in the resolved configuration stands for the syntax trees of all modules that the stage
can reach. Which digest each module has is kept when it is composed; where it was composed
elsewhere, the tree tells, if its closure has that digest. From then on every module of the closure,
those that are loaded already included, is compared with its digest, and those that are not are held
in memory, so that what is edited later is neither loaded nor refused.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from plait import loaded
from plait.config.closure import CLOSURE, SOURCE, Code, as_bytes, digest_of_modules
from plait.config.resolved import Resolved
from plait.json_types import mapping_at
from plait.pipeline.stages import STAGES
from plait.proof.refusal import named
from plait.state import State
from plait.workspace import SRC


class ProvedCode:
    """The code of one stage.

    :param modules: by module of its closure, the digest that it must have.
    :param spared: starts of the names of modules that may differ.
    """

    def __init__(
        self, code: Code, state: State, modules: Mapping[str, str], spared: tuple[str, ...] = ()
    ) -> None:
        self.modules = dict(modules)
        self._sources: dict[str, bytes] = {}
        self.edited: list[str] = []
        """The modules that are not as they must be."""
        for name, digest in self.modules.items():
            source = loaded.sources.get(name)
            if source is None:
                source = _on_disk(code, name)
            if source is not None and _digest(code, name, source) != digest:
                source = None
            if source is None and name.startswith(spared):
                source = _kept(state, name, digest)
            elif source is None:
                self.edited.append(name)
            if source is not None:
                self._sources[name] = source

    def source(self, name: str) -> bytes | None:
        """The proved source of a module; None of one outside of the closure."""
        return self._sources.get(name)


def modules_of(state: State, code: Code, resolved: Resolved, stage: str) -> dict[str, str] | None:
    """The digests of the modules in a stage's closure; None if nobody here knows them any more."""
    digest = str(mapping_at(resolved.values, "code")[stage])
    known = state.get(CLOSURE, [digest]).get(digest)
    if isinstance(known, dict):
        modules = {name: str(of) for name, of in known.items()}
        if digest_of_modules(modules) == digest:
            return modules
    try:
        closure = code.closure(STAGES[stage], resolved)
    except SyntaxError:
        return None
    return closure.modules if closure.digest == digest else None


def sources_of(
    state: State, src: Path, resolved: Resolved, stages: Iterable[str] = tuple(STAGES)
) -> tuple[dict[str, bytes], list[str]]:
    """The proved sources of all that stages run, whatever has become of the files since.

    :param src: the folder that holds the package.
    :returns: by path relative to ``src``; and the paths whose source nobody has any more.
    """
    code = Code(src, state)
    wanted: dict[str, str] = {}
    for stage in stages:
        wanted |= modules_of(state, code, resolved, stage) or {}
    found, lost = {}, []
    for name, digest in wanted.items():
        path, source = _path(src, name), _proved(code, name, digest)
        if source is None:
            source = _kept(state, name, digest)
        if source is None:
            lost.append(path)
        else:
            found[path] = source
    return found, lost


def files_named(root: Path, modules: list[str]) -> str:
    """Modules by their files, for error messages."""
    return named(f"{SRC}/{_path(root / SRC, name)}" for name in modules)


def _path(src: Path, name: str) -> str:
    parts = name.split(".")
    if src.joinpath(*parts).is_dir():
        return "/".join([*parts, "__init__.py"])
    return "/".join(parts) + ".py"


def _on_disk(code: Code, name: str) -> bytes | None:
    path = code.path(name)
    return None if path is None else path.read_bytes()


def _kept(state: State, name: str, digest: str) -> bytes | None:
    key = f"{name} {digest}"
    text = state.get(SOURCE, [key]).get(key)
    return as_bytes(text) if isinstance(text, str) else None


def _proved(code: Code, name: str, digest: str) -> bytes | None:
    """The source that a module was loaded from, or else that its file holds, if it has a digest."""
    for source in (loaded.sources.get(name), _on_disk(code, name)):
        if source is not None and _digest(code, name, source) == digest:
            return source
    return None


def _digest(code: Code, name: str, source: bytes) -> str | None:
    try:
        return code.module(name, source).digest
    except SyntaxError:
        return None
