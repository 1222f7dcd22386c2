"""The trained weights of a run: their digest, and how far two networks' are apart."""

import hashlib
from pathlib import Path


def weights_digest(folder: Path) -> str:
    """One digest of a model's folder, as `train` leaves it: equal models have equal bytes."""
    hasher = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        hasher.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
    return hasher.hexdigest()[:16]
