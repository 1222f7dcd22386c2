"""Which first-party code, and which packages, a stage can reach for the choices made.

Read from syntax trees, without importing anything, so that a comment, a docstring or another
model's file changes no digest.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from plait import digests
from plait.config.canonical_code import canonical, imports
from plait.config.registry import family_of, settings_of
from plait.config.resolved import Resolved
from plait.pipeline.stages import GROUPS, Stage
from plait.public import PUBLIC
from plait.settings import WithTask
from plait.state import State
from plait.tasks.registry import modules_of

TEMPLATES: dict[str, str] = {"plait.evaluation.report": "plait/evaluation/templates"}
"""Folders of files, below ``src/``, that are part of a module as much as its statements."""

SYNTAX, CLOSURE, SOURCE = "syntax", "closure", "source"
"""What the state keeps: what counts of a source, what a closure's digest stands for, and the
sources that have the digests in it."""


@dataclass(frozen=True)
class Closure:
    """The code that a stage can reach."""

    modules: dict[str, str]
    """Digest by first-party module, sorted."""
    packages: tuple[str, ...]
    """Import names of third-party packages, sorted."""

    @property
    def digest(self) -> str:
        """One digest of all modules."""
        return digest_of_modules(self.modules)


def digest_of_modules(modules: Mapping[str, str]) -> str:
    """One digest of the digests of modules, which are sorted by name."""
    text = "\n".join(f"{name} {digest}" for name, digest in modules.items())
    return digests.of_text(text, digests.SHORT)


@dataclass(frozen=True)
class Module:
    """What counts of a module's source."""

    digest: str
    """The digest of its syntax tree and of the files that belong to it."""
    imports: frozenset[str]


_MODULES: dict[tuple[str, bytes, bytes], Module] = {}
"""Modules that were parsed before, by name, further files and source: a worker proves the same code
for each of its trials."""


class Code:
    """The first-party source tree of a checkout.

    A module is read once: what it held then counts from then on.

    :param src: the folder that holds the package ``plait``.
    :param state: what is known of sources that were parsed before; None: nothing.
    """

    def __init__(self, src: Path, state: State | None = None) -> None:
        self._src = src
        self._state = state
        self._modules: dict[str, Module | None] = {}
        self._sources: dict[str, bytes] = {}

    def closure(self, stage: Stage, resolved: Resolved) -> Closure:
        """The code that ``stage`` can reach for an experiment's choices.

        The chosen modules are loaded by name, which no import statement shows.
        """
        roots = [f"plait.pipeline.{stage.name}"]
        for group in (*(group.name for group in stage.groups), *stage.loads):
            roots += [f"{GROUPS[group].package}.{name}" for name in chosen(resolved, group)]
        if stage.family:
            family = family_of(resolved.choice("model"))
            roots += [getattr(family, part) for part in stage.family]
        roots += modules_of(task_of(resolved), stage.task)
        for package in stage.discovers:
            folder = self._src.joinpath(*package.split("."))
            roots += [f"{package}.{path.stem}" for path in sorted(folder.glob("[!_]*.py"))]
        return self.reach(roots, stage.observers)

    def reach(self, roots: Iterable[str], observers: tuple[str, ...] = ()) -> Closure:
        """The code that the modules ``roots`` can reach, themselves included, ``observers`` left
        out.
        """
        modules: dict[str, str] = {}
        packages: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name.partition(".")[0] != "plait":
                packages.add(name.partition(".")[0])
                continue
            for ancestor in _ancestors(name):
                if ancestor in modules or ancestor.startswith(observers):
                    continue
                if ancestor not in self._modules:
                    self._modules[ancestor] = self._read(ancestor)
                module = self._modules[ancestor]
                if module is not None:
                    modules[ancestor] = module.digest
                    waiting += module.imports
        third_party = packages - sys.stdlib_module_names
        return Closure(dict(sorted(modules.items())), tuple(sorted(third_party)))

    def keep(self, closures: Iterable[Closure]) -> None:
        """Have the state know what the digests of closures stand for, and the sources."""
        if self._state is None:
            return
        new = {closure.digest: closure for closure in closures}
        for digest in self._state.get(CLOSURE, new):
            del new[digest]
        sources = {
            f"{name} {digest}": self._sources[name]
            for closure in new.values()
            for name, digest in closure.modules.items()
        }
        self._state.put(SOURCE, {key: _as_text(source) for key, source in sources.items()})
        self._state.put(CLOSURE, {digest: closure.modules for digest, closure in new.items()})

    def path(self, name: str) -> Path | None:
        """The file of a module; None for a name that is none, such as an imported function."""
        base = self._src.joinpath(*name.split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
        return None

    def module(self, name: str, source: bytes) -> Module:
        """What counts of the source of a module of this tree.

        :raises SyntaxError: if it is no Python.
        """
        files = b""
        if name in TEMPLATES:
            for file in sorted((self._src / TEMPLATES[name]).iterdir()):
                files += file.name.encode() + file.read_bytes()
        package = self._package_of(name)
        if (name, files, source) in _MODULES:
            return _MODULES[name, files, source]
        # Syntax trees differ between versions of Python; what is imported depends on package
        # and public face.
        facts = f"{sys.version_info[:2]} {package} {PUBLIC}".encode()
        key = digests.of_bytes(b"\0".join([facts, files, source]))
        known = self._state.get(SYNTAX, [key]).get(key) if self._state is not None else None
        if isinstance(known, list) and isinstance(known[1], list):
            found = Module(str(known[0]), frozenset(map(str, known[1])))
            _MODULES[name, files, source] = found
            return found
        tree = ast.parse(source, filename=str(self.path(name) or name))
        pieces = chain(map(str.encode, canonical(tree)), [files])
        digest = digests.of_pieces(pieces, digests.SHORT)
        found = Module(digest, frozenset(imports(tree, package)))
        if self._state is not None:
            self._state.put(SYNTAX, {key: [found.digest, sorted(found.imports)]})
        _MODULES[name, files, source] = found
        return found

    def _package_of(self, name: str) -> str:
        is_package = self._src.joinpath(*name.split("."), "__init__.py").is_file()
        return name if is_package else name.rpartition(".")[0]

    def _read(self, name: str) -> Module | None:
        path = self.path(name)
        if path is None:
            return None
        self._sources[name] = path.read_bytes()
        return self.module(name, self._sources[name])


def _as_text(source: bytes) -> str:
    return source.decode("utf-8", "surrogateescape")


def as_bytes(text: str) -> bytes:
    """A source as the state keeps it."""
    return text.encode("utf-8", "surrogateescape")


def task_of(resolved: Resolved) -> str:
    """The task of an experiment's data."""
    settings = settings_of("data", resolved.choice("data"))(**resolved.settings("data"))
    assert isinstance(settings, WithTask)
    return settings.task


def chosen(resolved: Resolved, group: str) -> list[str]:
    """The names chosen in a group: none, one, or several."""
    section = resolved[group]
    if section is None:
        return []
    return list(resolved.section(group)) if GROUPS[group].several else [resolved.choice(group)]


def _ancestors(name: str) -> Iterator[str]:
    """``a``, ``a.b``, ``a.b.c``: importing the last runs them all."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
