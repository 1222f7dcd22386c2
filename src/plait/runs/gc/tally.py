"""Something of a checkout that grows, and what of it nobody needs."""

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Tally:
    """Something that grows."""

    name: str
    size: int
    """Bytes before anything was removed."""
    garbage: list[Path] = field(default_factory=list)
    garbage_size: int = 0
    words: str = ""
    """What the garbage is, after its number."""
    in_use: int = 0
    """How much of it was left alone because a process holds it."""

    def add(self, path: Path) -> None:
        """Count something as garbage."""
        self.garbage.append(path)
        self.garbage_size += size_of(path)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; what vanishes meanwhile counts nothing."""
    if not path.is_dir():
        return path.lstat().st_size if path.exists() else 0
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            file = Path(folder, name)
            total += file.lstat().st_size if os.path.lexists(file) else 0
    return total
