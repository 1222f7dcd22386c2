"""What may follow the weights of a model: `plait.calibration` fits it, after the training."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class Calibration(Protocol):
    """Puts right the probabilities that a model gives."""

    def __call__(self, probabilities: "np.ndarray") -> "np.ndarray":
        """The calibrated ones, float64, of the same shape, (rows, classes)."""

    def in_words(self) -> str:
        """What was fitted, as it continues "Calibrated by"."""


class Decision(Protocol):
    """Makes answers of probabilities of exclusive classes, by what wrong ones cost."""

    @property
    def costs(self) -> "np.ndarray":
        """Float64, (classes, classes): of the class that is so, in rows, answered as another."""

    @property
    def threshold(self) -> float | None:
        """Of two classes: the probability of the second from which on it is the answer."""

    def numbers(self, probabilities: "np.ndarray") -> "np.ndarray":
        """The classes that are answered, by their numbers, int64, (rows,)."""
