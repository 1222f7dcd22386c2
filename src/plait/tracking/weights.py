"""The trained weights of a run: their digest, and how far two networks' are apart."""

import hashlib
from pathlib import Path

WEIGHTS = "plait.weights"
"""The tag that holds `weights_digest`."""


def weights_digest(folder: Path) -> str:
    """One digest of a model's folder, as `train` leaves it: equal models have equal bytes."""
    hasher = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            hasher.update(
                f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()
            )
    return hasher.hexdigest()[:16]
