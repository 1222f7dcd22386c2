"""The scale of numbers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.tasks.transforms import Transform

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class TargetScaling:
    """What becomes of a number before it is learnt."""

    transform: Transform = "none"
    """Comes first."""
    standard: bool = False
    """Whether it is then brought to mean 0 and standard deviation 1."""


def mean_and_scale(numbers: "np.ndarray") -> tuple[float, float]:
    """Mean and population standard deviation; the latter 1 where all numbers are equal, or so close
    that float64 has no number for it.
    """
    constant = numbers.min() == numbers.max()
    if constant:
        return float(numbers[0]), 1.0
    return float(numbers.mean()), float(numbers.std()) or 1.0
