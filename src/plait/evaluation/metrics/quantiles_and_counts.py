"""Metrics of predicted quantiles, and of the predicted means of counts."""

from typing import TYPE_CHECKING

from plait.evaluation.metrics import Function, metric

if TYPE_CHECKING:
    import numpy as np

PERCENTS = (1, 5, 10, 25, 50, 75, 90, 95, 99)
"""The levels of quantiles that are measured, under names such as ``pinball_loss_90``."""


def pinball_loss(percent: int) -> Function:
    """The metric of a quantile, by its level.

    The mean of level * (truth - prediction) where the truth is greater, and of (1 - level) *
    (prediction - truth) elsewhere, in the target's unit (Koenker and Bassett 1978).
    """
    level = percent / 100

    def measure(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
        import numpy as np

        error = truth - prediction
        return float(np.average(np.maximum(level * error, (level - 1) * error), weights=weights))

    measure.__name__ = f"pinball_loss_{percent}"
    return measure


for _percent in PERCENTS:
    metric(
        task="regression",
        direction="minimize",
        title=f"Pinball loss at {_percent} %",
        by_default=False,
    )(pinball_loss(_percent))


@metric(task="regression", direction="minimize", title="Poisson deviance", by_default=False)
def poisson_deviance(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean of 2 (truth * log(truth / prediction) - truth + prediction); undefined for a truth
    below 0, or a prediction that is not above.
    """
    import numpy as np

    if (truth < 0).any() or (prediction <= 0).any():
        return float("nan")
    # 0 * log(0) is 0.
    ratio = np.where(truth > 0, truth, prediction) / prediction
    return float(2 * np.average(truth * np.log(ratio) - truth + prediction, weights=weights))
