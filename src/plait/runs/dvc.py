"""Asking DVC about a checkout, or having it do something there."""

import os
import subprocess
import sys
from pathlib import Path

from plait.errors import UserError


def dvc(folder: Path, *arguments: str) -> str:
    """What DVC prints.

    :param folder: of the checkout, or within it.
    :raises UserError: with DVC's own words, if it fails.
    """
    answer = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        said = [line for line in answer.stderr.splitlines() if line.startswith("ERROR")]
        raise UserError((said or ["DVC failed"])[0].removeprefix("ERROR: "))
    return answer.stdout


def cache_folder(root: Path) -> Path:
    """Where the cache of a checkout lies.

    :raises UserError: if DVC can't tell.
    """
    return Path(dvc(root, "cache", "dir").strip())
