"""The scale of numbers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def mean_and_scale(numbers: "np.ndarray") -> tuple[float, float]:
    """Mean and population standard deviation; the latter 1 where all numbers are equal."""
    constant = numbers.min() == numbers.max()
    return (float(numbers[0]), 1.0) if constant else (float(numbers.mean()), float(numbers.std()))
