"""Trained boosted trees: predictions, and files in the formats of the libraries.

The libraries trust what they read: a damaged file may end the process. So a digest lies beside it,
as ``sha256sum`` writes it, and is compared before.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait import digests
from plait.artifacts import write_text
from plait.config.registry import module_of
from plait.errors import UserError
from plait.json_types import Values, list_at
from plait.models.base import Shape
from plait.models.boosting import (
    BoostedSettings,
    BoostingError,
    BoostingLibrary,
    Loss,
    loss_of,
)
from plait.models.family import ModelFamily

if TYPE_CHECKING:
    import numpy as np

DIGEST = "trees.sha256"


@dataclass(frozen=True)
class BoostedModel:
    """Trees, and which classes they tell apart."""

    library: BoostingLibrary[Any, Any]
    trees: Any
    """What the library fits."""
    classes: tuple[int, ...]
    """Numbers of the classes that training rows had; of a regression empty."""
    loss: Loss
    """That the trees were fitted by."""


def library_of(choice: str) -> BoostingLibrary[Any, Any]:
    """What the module of a choice says of its library."""
    library = module_of("model", choice).LIBRARY
    assert isinstance(library, BoostingLibrary), f"{choice}: LIBRARY is no BoostingLibrary"
    return library


class BoostedTrees(ModelFamily[BoostedSettings, BoostedModel, "np.ndarray"]):
    """Trees of numbers: float64, (rows, inputs)."""

    def packages(self, choice: str) -> tuple[str, ...]:
        """The library of the choice."""
        return library_of(choice).distributions

    def encode(self, settings: BoostedSettings, features: "np.ndarray") -> "np.ndarray":
        """What trees are given, from what preprocessing gives: the same."""
        return features

    def pack(self, features: "np.ndarray") -> "dict[str, np.ndarray]":
        """As arrays by name."""
        return {"features": features}

    def predict(self, fitted: BoostedModel, features: "np.ndarray", shape: Shape) -> "np.ndarray":
        """float64 (rows, inputs) to (rows,) or to class probabilities (rows, outputs)."""
        import numpy as np

        scalar = shape.task.scalar
        outputs = np.zeros(len(features) if scalar else (len(features), shape.outputs))
        if not len(features):  # which libraries refuse
            return outputs
        predicted = fitted.library.predict(fitted.trees, features, fitted.loss)
        if scalar:
            outputs[:] = predicted
        else:
            # A class that the training part lacks keeps probability zero.
            outputs[:, list(fitted.classes)] = predicted
        return outputs

    def save(self, fitted: BoostedModel, folder: Path) -> Values:
        """Write the trees, and the digest of their file.

        :returns: what `load` needs beside them.
        """
        path = folder / fitted.library.file
        fitted.library.save(fitted.trees, path)
        write_text(folder / DIGEST, _digest_of(path))
        return {"learnt_classes": list(fitted.classes)}

    def load(
        self,
        folder: Path,
        choice: str,
        settings: BoostedSettings,
        shape: Shape,
        extra: Values,
    ) -> BoostedModel:
        """Read the trees.

        :raises UserError: if a file is damaged or missing, or holds another model's trees.
        """
        library = library_of(choice)
        path = folder / library.file
        try:
            if _digest_of(path) != (folder / DIGEST).read_text(encoding="utf-8"):
                raise BoostingError(f"it is not the file that {DIGEST} was written for")
            trees = library.load(path)
            found = library.inputs(trees)
            if found != shape.inputs:
                raise BoostingError(f"its trees take {found} inputs, not {shape.inputs}")
        except (OSError, BoostingError) as error:
            raise UserError(
                f"{path.name} cannot be read ({error}); `dvc repro` rebuilds it"
            ) from error
        classes = tuple(each for each in list_at(extra, "learnt_classes") if isinstance(each, int))
        return BoostedModel(library, trees, classes, loss_of(settings, len(classes)))


def _digest_of(path: Path) -> str:
    return f"{digests.of_file(path)}  {path.name}\n"


FAMILY = BoostedTrees()
