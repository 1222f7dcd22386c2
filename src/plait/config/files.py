"""Digests of the user's own data files."""

from pathlib import Path

import yaml

from plait.contents import Contents
from plait.errors import ConfigurationError


def digest_of(contents: Contents, root: Path, relative: str, name: str) -> str:
    """What a file or folder of the user's holds, as DVC would name it: ``md5:…``, ``md5:….dir``.

    Of one that is not here but tracked by DVC, what its ``.dvc`` file says: `dvc pull` gets it.

    :param name: of the experiment that reads it, for error messages.
    :raises ConfigurationError: if there is neither the file nor a ``.dvc`` file beside it.
    """
    path = root / relative
    if path.exists():
        return f"md5:{contents.digest(path)}"
    tracked = path.with_name(path.name + ".dvc")
    if not tracked.is_file():
        raise ConfigurationError(
            f"{name}: there is no file {relative}; put it there, or correct the path"
        )
    try:
        (out,) = yaml.safe_load(tracked.read_text(encoding="utf-8"))["outs"]
        return f"md5:{out['md5']}"
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise ConfigurationError(
            f"{name}: {relative}.dvc is not what `dvc add` wrote;"
            f" `git checkout {relative}.dvc`, or `dvc add {relative}` again"
        ) from None
