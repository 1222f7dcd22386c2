"""Precision, recall, F1 and support of each class."""

from typing import TYPE_CHECKING

from plait.evaluation.entries import ClassScores
from plait.evaluation.intervals import resample
from plait.evaluation.metrics.classification import by_class, counts_by_class
from plait.evaluation.stated import MODEL, stated
from plait.evaluation.task import Assessment

if TYPE_CHECKING:
    import numpy as np


def per_class(assessment: Assessment) -> list[ClassScores]:
    """A row a class, with intervals."""
    import numpy as np

    truth, prediction, labels = assessment.truth, assessment.answers, assessment.dataset.classes

    def scores(
        truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray"
    ) -> "np.ndarray":
        return by_class(truth, prediction, weights).ravel()

    samples = resample(
        truth,
        {MODEL: prediction},
        {"scores": scores},
        assessment.resampling,
        assessment.unit,
        assessment.weights,
    )
    intervals = samples.intervals(MODEL, "scores")
    _, support, _ = counts_by_class(truth, prediction, np.ones(len(truth)))
    return [
        {
            "class": label,
            "precision": stated(intervals[number]),
            "recall": stated(intervals[len(labels) + number]),
            "f1": stated(intervals[2 * len(labels) + number]),
            "support": int(support[number]),
        }
        for number, label in enumerate(labels)
    ]
