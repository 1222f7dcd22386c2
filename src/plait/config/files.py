"""Digests of the user's own data files."""

import hashlib
from pathlib import Path

import yaml

from plait.errors import ConfigurationError


def digest_of(root: Path, relative: str, name: str) -> str:
    """The MD5 of a file of the user's, as DVC would give it; of a folder that of its files.

    Where DVC tracks the file, its digest is taken from the ``.dvc`` file beside it, so that nothing
    large is hashed twice; `dvc repro` has then verified it before anything runs.

    :param name: of the experiment that reads it, for error messages.
    :raises ConfigurationError: if there is neither the file nor a ``.dvc`` file beside it.
    """
    path = root / relative
    tracked = path.with_name(path.name + ".dvc")
    if tracked.is_file():
        try:
            (out,) = yaml.safe_load(tracked.read_text(encoding="utf-8"))["outs"]
        except (yaml.YAMLError, KeyError, TypeError, ValueError):
            raise ConfigurationError(
                f"{name}: {relative}.dvc is not what `dvc add` wrote;"
                f" `git checkout {relative}.dvc`, or `dvc add {relative}` again"
            ) from None
        # Edited since `dvc add`, as its size shows: then the file itself counts.
        if not path.is_file() or path.stat().st_size == out.get("size"):
            return f"md5:{out['md5']}"
    if path.is_dir():
        return digest_of_folder(path)
    if not path.is_file():
        raise ConfigurationError(
            f"{name}: there is no file {relative}; put it there, or correct the path"
        )
    return f"md5:{_md5(path)}"


def digest_of_folder(folder: Path) -> str:
    """The MD5 of the names and contents of all files in it."""
    listing = "\n".join(
        f"{path.relative_to(folder).as_posix()} {_md5(path)}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    return f"md5:{hashlib.md5(listing.encode()).hexdigest()}.dir"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
