"""Metrics of predicted returns."""

from typing import TYPE_CHECKING

from plait.evaluation.metrics import metric

if TYPE_CHECKING:
    import numpy as np


@metric(
    task="regression",
    direction="maximize",
    title="Directional accuracy",
    requires="naive_column",
)
def directional_accuracy(
    truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray"
) -> float:
    """The share of rows that really moved whose direction was predicted.

    Rows with a return of exactly zero have no direction and are left out; a prediction of exactly
    zero names none, which counts as wrong. Undefined if nothing moved, or if every prediction is
    zero.
    """
    import numpy as np

    moved = truth != 0
    if not moved.any() or not prediction.any():
        return float("nan")
    right = np.sign(truth[moved]) == np.sign(prediction[moved])
    return float(np.average(right, weights=weights[moved]))
