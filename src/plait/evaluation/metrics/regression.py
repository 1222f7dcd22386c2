"""Metrics of numbers.

With NumPy alone: scikit-learn rounds to the same last digit, and checks a resample's arguments for
longer than it computes.
"""

from typing import TYPE_CHECKING

from plait.evaluation.metrics import metric

if TYPE_CHECKING:
    import numpy as np


def squared_errors(truth: "np.ndarray", prediction: "np.ndarray") -> "np.ndarray":
    """(truth - prediction)², (rows,)."""
    errors: np.ndarray = (truth - prediction) ** 2
    return errors


def absolute_errors(truth: "np.ndarray", prediction: "np.ndarray") -> "np.ndarray":
    """abs(truth - prediction), (rows,)."""
    errors: np.ndarray = abs(truth - prediction)
    return errors


@metric(task="regression", direction="minimize", title="MSE", of_rows=squared_errors)
def mse(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean of (truth - prediction)²."""
    import numpy as np

    return float(np.average(squared_errors(truth, prediction), weights=weights))


@metric(task="regression", direction="minimize", title="RMSE")
def rmse(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The root of the mean of (truth - prediction)², in the target's unit."""
    import numpy as np

    return float(np.sqrt(mse(truth, prediction, weights)))


@metric(task="regression", direction="minimize", title="MAE", of_rows=absolute_errors)
def mae(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean of abs(truth - prediction), in the target's unit."""
    import numpy as np

    return float(np.average(absolute_errors(truth, prediction), weights=weights))


@metric(task="regression", direction="maximize", title="R²")
def r2(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """1 - MSE / variance of the truth; undefined for fewer than two rows or a constant truth."""
    import numpy as np

    deviations = weights * (truth - np.average(truth, weights=weights)) ** 2
    total = float(deviations.sum())
    # The mean of equal numbers need not be that number.
    if len(truth) < 2 or truth.min() == truth.max() or total == 0:
        return float("nan")
    return 1 - float((weights * (truth - prediction) ** 2).sum()) / total
