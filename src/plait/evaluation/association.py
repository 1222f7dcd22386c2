"""How strongly columns go together, whatever their types."""

from typing import TYPE_CHECKING

from plait.evaluation.encoded import EncodedRows

if TYPE_CHECKING:
    import numpy as np

SAME = 1e-9
"""Relative: a direction in which inputs vary less is a sum of others, but for rounding."""


def associations(rows: EncodedRows) -> "np.ndarray":
    """Of every two columns how much they tell of each other, in [0, 1], (columns, columns).

    The root of the mean squared canonical correlation of their inputs (Hotelling, Biometrika 28,
    1936): of two numbers the size of Pearson's correlation, of a number and categories the
    correlation ratio, of two columns of categories Cramér's V. A column that is constant has 0.
    """
    import numpy as np

    bases = [_basis(rows.inputs[:, place]) for place in rows.places.values()]
    widths = np.array([basis.shape[1] for basis in bases])
    squared = np.square(np.hstack(bases).T @ np.hstack(bases))
    # By column, the rows and columns of the square that are its.
    member = np.repeat(np.eye(len(bases)), widths, axis=0)
    fewer = np.minimum.outer(widths, widths)
    found = member.T @ squared @ member / np.maximum(fewer, 1)
    strength: np.ndarray = np.sqrt(found.clip(0, 1))
    return strength


def _basis(inputs: "np.ndarray") -> "np.ndarray":
    """Orthonormal directions in which inputs vary about their means, (rows, directions)."""
    import numpy as np

    centred = inputs - inputs.mean(axis=0)
    directions, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    # What is constant but for rounding varies in no direction.
    least = SAME * max(float(sizes.max(initial=0)), float(np.linalg.norm(inputs)))
    kept: np.ndarray = directions[:, sizes > least]
    return kept
