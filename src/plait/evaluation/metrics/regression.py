"""Metrics of numbers."""

from typing import TYPE_CHECKING

from plait.evaluation.metrics import metric

if TYPE_CHECKING:
    import numpy as np


@metric(task="regression", direction="minimize", title="MSE")
def mse(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean of (truth - prediction)²."""
    from sklearn.metrics import mean_squared_error

    return float(mean_squared_error(truth, prediction, sample_weight=weights))


@metric(task="regression", direction="minimize", title="RMSE")
def rmse(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The root of the mean of (truth - prediction)², in the target's unit."""
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(truth, prediction, sample_weight=weights))


@metric(task="regression", direction="minimize", title="MAE")
def mae(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean of abs(truth - prediction), in the target's unit."""
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(truth, prediction, sample_weight=weights))


@metric(task="regression", direction="maximize", title="R²")
def r2(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """1 - MSE / variance of the truth; undefined for fewer than two rows or a constant truth."""
    from sklearn.metrics import r2_score

    if len(truth) < 2 or truth.min() == truth.max():
        return float("nan")
    return float(r2_score(truth, prediction, sample_weight=weights))
