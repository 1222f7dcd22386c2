"""The trained weights of a run: their digest, and how far two networks' are apart."""

from pathlib import Path

from plait import digests


def weights_digest(folder: Path) -> str:
    """One digest of a model's folder, as `train` leaves it: equal models have equal bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    return digests.of_files(folder, names, digests.SHORT)
