"""The source of each first-party module exactly as this process loaded it.

Python takes compiled code from ``__pycache__`` if size and second of the source's last change are
as they were, so an edit of the same length within a second goes unseen, and what a module's file
holds now says little about what has been loaded. Here every module is compiled from bytes that are
kept; what is taken from ``__pycache__`` was made from exactly these bytes (PEP 552).
"""

import importlib.util
import marshal
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, ModuleType

FIRST_PARTY = "plait"

CHECKED_BY_CONTENT = 0b11
"""The flags of compiled code that is valid as long as its source has the digest that it names."""

sources: dict[str, bytes] = {}
"""The bytes that each module was compiled from, by its name; empty where that can't be told."""

_provider: Callable[[str], bytes | None] | None = None


def provide(provider: Callable[[str], bytes | None] | None) -> None:
    """Ask ``provider`` from now on for the source of each module that is imported.

    :param provider: given a module's name, gives its source, or None to have its file read; what it
        raises ends the import.
    """
    global _provider
    _provider = provider


class Loader(SourceFileLoader):
    """Compiles a module from bytes that are kept in `sources`."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of a module, from ``__pycache__`` if that was made from the same bytes."""
        source = _provider(fullname) if _provider is not None else None
        if source is None:
            source = self.get_data(self.path)
        cached = Path(importlib.util.cache_from_source(self.path))
        code = _read_compiled(cached, source, self.path)
        if code is None:
            code = self.source_to_code(source, self.path)
            _write_compiled(cached, source, code)
        sources[fullname] = source
        return code


class Finder:
    """Has first-party modules loaded by `Loader`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What Python's own finder finds, with another loader."""
        if not fullname.startswith(f"{FIRST_PARTY}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def begin(package: FrameType) -> None:
    """Load modules by `Loader` from now on; called by the package that is being imported.

    :param package: the frame of the package's module.
    """
    if any(type(finder).__name__ == Finder.__name__ for finder in sys.meta_path):
        return
    for name, frame in ((FIRST_PARTY, package), (__name__, _own_frame)):
        sources[name] = _source_of_running(frame)
    sys.meta_path.insert(0, Finder())


def _source_of_running(frame: FrameType) -> bytes:
    """The source of a module that Python itself has loaded, if it is what its file holds."""
    code = frame.f_code
    try:
        source = Path(code.co_filename).read_bytes()
        same = compile(source, code.co_filename, "exec", dont_inherit=True) == code
    except (OSError, SyntaxError, ValueError):
        return b""
    return source if same else b""


def _read_compiled(cached: Path, source: bytes, path: str) -> CodeType | None:
    try:
        content = cached.read_bytes()
    except OSError:
        return None
    header = importlib.util.MAGIC_NUMBER + CHECKED_BY_CONTENT.to_bytes(4, "little")
    if content[:16] != header + importlib.util.source_hash(source):
        return None
    try:
        code: CodeType = marshal.loads(content[16:])
    except (EOFError, ValueError, TypeError):
        return None
    return code if code.co_filename == path else _at(path, code)


def _at(path: str, code: CodeType) -> CodeType:
    """The same code as compiled from ``path``: that of a tree that was copied names the files of
    the other one in its tracebacks.
    """
    inner = (_at(path, each) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.replace(co_filename=path, co_consts=tuple(inner))


def _write_compiled(cached: Path, source: bytes, code: CodeType) -> None:
    if sys.dont_write_bytecode:
        return
    header = importlib.util.MAGIC_NUMBER + CHECKED_BY_CONTENT.to_bytes(4, "little")
    content = header + importlib.util.source_hash(source) + marshal.dumps(code)
    # Compiled code is a convenience: where it can't be kept, it is made again.
    with suppress(OSError):
        cached.parent.mkdir(exist_ok=True)
        temporary = cached.with_name(f"{cached.name}.{os.getpid()}")
        temporary.write_bytes(content)
        os.replace(temporary, cached)


_own_frame = sys._getframe()
