"""From which probability on a label is predicted."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

THRESHOLD = 0.5


def chosen(probabilities: "np.ndarray") -> "np.ndarray":
    """Which labels are predicted, bool, (rows, classes)."""
    return probabilities >= THRESHOLD
