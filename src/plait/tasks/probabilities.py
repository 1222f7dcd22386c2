"""Probabilities of classes as columns of a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def probability_of(label: str) -> str:
    """The name of the column with a class's probability."""
    return f"probability_{label}"


def with_probabilities(
    said: list[str], probabilities: "np.ndarray", classes: Sequence[str]
) -> "pd.DataFrame":
    """What is said of each row, as ``prediction``, and beside it the probability of each class.

    :param probabilities: (rows, classes).
    """
    import pandas as pd

    table = pd.DataFrame(probabilities, columns=[probability_of(label) for label in classes])
    table.insert(0, "prediction", said)
    return table
