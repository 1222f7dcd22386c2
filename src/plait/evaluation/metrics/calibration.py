"""Metrics of how far probabilities can be taken at their word, computed where they are listed.

The report of a classification has them in any case, with its calibration curve.
"""

from typing import TYPE_CHECKING

from plait.evaluation.calibration_bins import binned, stated_and_met
from plait.evaluation.metrics import metric

if TYPE_CHECKING:
    import numpy as np


def brier_scores(truth: "np.ndarray", prediction: "np.ndarray") -> "np.ndarray":
    """The squared distance of the probabilities from what is so, (rows,).

    Of two classes that of one of them, in [0, 1]; of more the sum over all, in [0, 2], as Brier has
    it (Monthly Weather Review 78, 1950) and scikit-learn computes it.
    """
    import numpy as np

    if prediction.shape[1] == 2:
        of_two: np.ndarray = (prediction[:, 1] - truth) ** 2
        return of_two
    so = np.eye(prediction.shape[1])[truth]
    distances: np.ndarray = ((prediction - so) ** 2).sum(axis=1)
    return distances


@metric(
    task="classification",
    direction="minimize",
    title="Brier score",
    of_rows=brier_scores,
    by_default=False,
)
def brier_score(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean squared distance of the probabilities from what is so; see `brier_scores`."""
    import numpy as np

    return float(np.average(brier_scores(truth, prediction), weights=weights))


@metric(
    task="classification",
    direction="minimize",
    title="Expected calibration error",
    by_default=False,
)
def expected_calibration_error(
    truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray"
) -> float:
    """The mean over rows of the distance, in the row's bin, of mean probability and frequency.

    Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning
    (AAAI 2015), with bins of equally many rows.
    """
    said, met = stated_and_met(truth, prediction)
    return binned(said, met, weights).error
