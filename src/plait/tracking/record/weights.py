"""The trained weights of a run: their digest, and how far two networks' are apart."""

from pathlib import Path

from plait import digests
from plait.artifacts import read_json
from plait.workspace import Outputs


def weights_digest(folder: Path) -> str:
    """One digest of a model's folder, as `train` leaves it: equal models have equal bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    return digests.of_files(folder, names, digests.SHORT)


def model_digest(outputs: Outputs) -> str:
    """`weights_digest` of a model, and of what follows the weights, where anything does."""
    weights, mark = weights_digest(outputs["model"]), outputs.mark("calibrated")
    # A commit from before the stage leaves no such file.
    if not mark.exists() or not any(read_json(mark).values()):
        return weights
    return digests.of_text(f"{weights} {digests.of_file(mark)}", digests.SHORT)
