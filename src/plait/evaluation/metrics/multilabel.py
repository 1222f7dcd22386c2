"""Metrics of rows with several classes, beside those of ``classification.py``."""

from typing import TYPE_CHECKING

from plait.evaluation.metrics import metric
from plait.evaluation.metrics.classification import counts_by_class
from plait.tasks.multilabel.threshold import chosen

if TYPE_CHECKING:
    import numpy as np


@metric(task="multilabel", direction="maximize", title="F1 (micro)")
def f1_micro(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The harmonic mean of precision and recall, all classes counted together.

    Undefined where no class occurs and none is predicted.
    """
    right, occurring, predicted = (
        counts.sum() for counts in counts_by_class(truth, prediction, weights)
    )
    return float(2 * right / (occurring + predicted)) if occurring + predicted else float("nan")


def shares_wrong(truth: "np.ndarray", prediction: "np.ndarray") -> "np.ndarray":
    """The share of the classes of each row that were taken wrongly, (rows,)."""
    shares: np.ndarray = (chosen(prediction) != (truth == 1)).mean(axis=1)
    return shares


@metric(task="multilabel", direction="minimize", title="Hamming loss", of_rows=shares_wrong)
def hamming_loss(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The share of all classes of all rows that were taken wrongly."""
    from sklearn.metrics import hamming_loss as compute

    return float(compute(truth, chosen(prediction), sample_weight=weights))
