"""How far a column goes with the target: a measure for each pair of types, between 0 and 1."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEWEST = 10
"""Rows with both values from which on a measure is told."""


@dataclass(frozen=True)
class Association:
    """A measure and its value."""

    measure: str
    value: float


def association(values: "pd.Series", target: "pd.Series") -> Association | None:
    """Pearson's correlation of numbers, Cramér's V of categories, else the correlation ratio.

    None where rows are too few, or all alike. Dates count as numbers.
    """
    import numpy as np
    import pandas as pd

    both = values.notna().to_numpy() & target.notna().to_numpy()
    seen, asked = values[both], target[both]
    if len(seen) < FEWEST or seen.nunique() < 2 or asked.nunique() < 2:
        return None
    are_words = [each.dtype == "str" for each in (seen, asked)]
    coded: list[np.ndarray] = [
        pd.factorize(each)[0] if word else each.to_numpy().astype("float64")
        for each, word in zip((seen, asked), are_words, strict=True)
    ]
    if all(are_words):
        return Association("Cramér's V", _cramers_v(*coded))
    if any(are_words):
        codes, numbers = coded if are_words[0] else coded[::-1]
        return Association("correlation ratio", _correlation_ratio(codes, numbers))
    return Association("correlation", float(abs(np.corrcoef(coded[0], coded[1])[0, 1])))


def _cramers_v(first: "np.ndarray", second: "np.ndarray") -> float:
    """The root of chi² / (n (k - 1)), with k the fewer categories (Cramér 1946)."""
    import numpy as np

    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(first)
    squares = ((table - expected) ** 2 / expected).sum()
    return float(np.sqrt(squares / (len(first) * (min(table.shape) - 1))))


def _correlation_ratio(codes: "np.ndarray", numbers: "np.ndarray") -> float:
    """The root of the share of variance that lies between categories (Pearson 1905)."""
    import numpy as np

    centred = numbers - numbers.mean()
    counts = np.bincount(codes)
    between = (np.bincount(codes, weights=centred) ** 2 / counts).sum()
    return float(np.sqrt(between / (centred**2).sum()))
