"""Rows sorted into bins by a probability that a model states, and what was met in each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MOST_BINS = 10

LEAST_ROWS = 10
"""A bin has about as many rows at least, unless there are fewer in all."""


@dataclass(frozen=True)
class Bins:
    """What a model states and what was met, (bins,) each, by rising probability."""

    of_row: "np.ndarray"
    """int64, (rows,): the bin of each row."""
    weight: "np.ndarray"
    """Of the rows in the bin: their number where each counts once."""
    stated: "np.ndarray"
    """The mean probability."""
    frequency: "np.ndarray"
    """The share of rows in which it came true."""

    @property
    def error(self) -> float:
        """The mean distance of both, by weight."""
        distances = self.weight * abs(self.stated - self.frequency)
        return float(distances.sum() / self.weight.sum())


def stated_and_met(
    truth: "np.ndarray", prediction: "np.ndarray"
) -> "tuple[np.ndarray, np.ndarray]":
    """The probability of each row that is held to its word, and whether it came true; (rows,) each.

    Of two classes that of the second; of more that of the class which is predicted (Guo et al., On
    Calibration of Modern Neural Networks, ICML 2017).

    :param truth: the numbers of the classes, int64, (rows,).
    :param prediction: probabilities, float64, (rows, classes).
    """
    if prediction.shape[1] == 2:
        return prediction[:, 1], truth == 1
    return prediction.max(axis=1), prediction.argmax(axis=1) == truth


def binned(stated: "np.ndarray", met: "np.ndarray", weights: "np.ndarray") -> Bins:
    """Sort rows into bins of equal weight; equal probabilities share a bin.

    :param stated: probabilities, float64, (rows,).
    :param met: whether they came true, bool, (rows,).
    :param weights: positive, float64, (rows,).
    """
    import numpy as np

    order = np.argsort(stated, kind="stable")
    reached = np.cumsum(weights[order])
    wanted = max(1, min(MOST_BINS, int(reached[-1] // LEAST_ROWS)))
    # A bin ends with the row that fills it. Weights are sums of whole numbers, or rounded sums.
    full = reached[-1] * np.arange(1, wanted) / wanted * (1 - 1e-12)
    ends = np.unique(stated[order[np.searchsorted(reached, full)]])
    _, of_row = np.unique(np.searchsorted(ends, stated), return_inverse=True)
    weight = np.bincount(of_row, weights)
    return Bins(
        of_row,
        weight,
        np.bincount(of_row, weights * stated) / weight,
        np.bincount(of_row, weights * met) / weight,
    )
