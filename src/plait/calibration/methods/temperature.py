"""Temperature scaling: logits divided by one number, which keeps the order of the classes.

Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (ICML 2017). Of a model
that gives no logits the logarithms of its probabilities take their place, which softmax makes the
same probabilities again. Where a row may have several classes, each has a temperature of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.calibration.base import CalibrationSettings, Calibrator
from plait.json_types import Values, list_at

if TYPE_CHECKING:
    import numpy as np

COLDEST, HOTTEST = 0.05, 1000.0
"""Between which a temperature is sought. Rows that are all answered rightly have no best one: the
colder, the likelier."""


class Settings(CalibrationSettings):
    """``calibration: temperature``."""


@dataclass(frozen=True)
class Temperature(Calibrator):
    """What logits are divided by."""

    values: tuple[float, ...]
    """One, or where a row may have several classes one for each."""
    several: bool
    """Whether a row may have several classes."""

    def __call__(self, probabilities: "np.ndarray") -> "np.ndarray":
        """Softmax of the logits divided by the temperature; of several classes, each against not
        having it.
        """
        import numpy as np

        if not self.several:
            return _softmax(_logits(probabilities) / self.values[0])
        each = [
            _softmax(_logits(_two_sided(probabilities[:, place])) / value)[:, 1]
            for place, value in enumerate(self.values)
        ]
        return np.stack(each, axis=1)

    def to_json(self) -> Values:
        """The temperatures."""
        return {"temperatures": [*self.values], "several": self.several}

    def in_words(self) -> str:
        """The temperature, or the range of them."""
        low, high = min(self.values), max(self.values)
        if not self.several:
            return f"temperature scaling, T = {low:.4g}"
        return f"temperature scaling, T = {low:.4g} to {high:.4g} by class"


def fit(
    probabilities: "np.ndarray",
    truth: "np.ndarray",
    weights: "np.ndarray",
    classes: Sequence[str],
) -> Temperature:
    """The temperatures of the highest likelihood; parameters as `CalibrationSettings` has them."""
    if truth.ndim == 1:
        return Temperature((_best(_logits(probabilities), truth, weights),), False)
    values = [
        _best(_logits(_two_sided(probabilities[:, place])), truth[:, place], weights)
        for place in range(len(classes))
    ]
    return Temperature(tuple(values), True)


def read(values: Values) -> Temperature:
    """From plain values."""
    numbers = [float(str(each)) for each in list_at(values, "temperatures")]
    return Temperature(tuple(numbers), bool(values["several"]))


def _best(logits: "np.ndarray", truth: "np.ndarray", weights: "np.ndarray") -> float:
    """The temperature of the highest likelihood, where the slope of the log loss is zero.

    The loss is convex in 1 / T, so the slope rises, and there is one zero at most.

    :param logits: float64, (rows, classes).
    :param truth: the numbers of the classes, int64, (rows,).
    """
    import numpy as np
    from scipy.optimize import brentq

    of_truth = logits[np.arange(len(truth)), truth]

    def slope(log_temperature: float) -> float:
        """Of the mean log loss by 1 / T."""
        expected = (_softmax(logits / np.exp(log_temperature)) * logits).sum(axis=1)
        return float(np.average(expected - of_truth, weights=weights))

    if slope(np.log(COLDEST)) <= 0:
        return COLDEST
    if slope(np.log(HOTTEST)) >= 0:
        return HOTTEST
    return float(np.exp(brentq(slope, np.log(COLDEST), np.log(HOTTEST), xtol=1e-12)))


def _logits(probabilities: "np.ndarray") -> "np.ndarray":
    """Logarithms, of 0 and 1 as the log loss takes them: moved by float64's epsilon."""
    import numpy as np

    least = np.finfo(np.float64).eps
    logits: np.ndarray = np.log(probabilities.clip(least, 1 - least))
    return logits


def _two_sided(probability: "np.ndarray") -> "np.ndarray":
    """The probabilities of not having a class, and of having it, (rows, 2)."""
    import numpy as np

    return np.stack([1 - probability, probability], axis=1)


def _softmax(logits: "np.ndarray") -> "np.ndarray":
    import numpy as np

    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return softmax
