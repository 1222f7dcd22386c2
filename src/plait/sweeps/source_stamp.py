"""Whether the code that a trial was composed with is still the code that would run it."""

import hashlib
from pathlib import Path

from plait.config.closure import Code
from plait.config.resolved import STAGES, Resolved


def stamp_of(root: Path) -> str:
    """Names, sizes and times of the source files: a cheap sign that nothing was edited."""
    hasher = hashlib.sha256()
    for path in sorted((root / "src").rglob("*.py")):
        facts = path.stat()
        hasher.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return hasher.hexdigest()


def changed_stages(root: Path, stamp: str, resolved: Resolved) -> list[str]:
    """The stages whose code is no longer what the identity says.

    :param stamp: of the tree when ``resolved`` was composed.
    """
    if stamp_of(root) == stamp:
        return []
    code = Code(root / "src")
    return [
        stage
        for stage in STAGES
        if code.closure(stage, resolved).digest != resolved.values["code"][stage]
    ]
