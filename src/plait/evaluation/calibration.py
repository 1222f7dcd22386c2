"""Whether probabilities can be taken at their word: the calibration curve, and two numbers."""

from typing import TYPE_CHECKING

from plait.artifacts import significant
from plait.evaluation.calibration_bins import Bins, binned, stated_and_met
from plait.evaluation.entries import Bin, Calibration
from plait.evaluation.intervals import Resampling, resample
from plait.evaluation.metrics.calibration import brier_score, expected_calibration_error
from plait.evaluation.stated import MODEL, stated
from plait.evaluation.task import Assessment
from plait.evaluation.wilson import wilson

if TYPE_CHECKING:
    import numpy as np

BEFORE = "uncalibrated"
"""The key of the model without what was fitted on the calibration part."""


def calibration(assessment: Assessment) -> Calibration:
    """The calibration of probabilities of exclusive classes on the test part.

    Of two classes it is that of the second one's probability, of more that of the predicted class.

    :param assessment: truth int64, (rows,), prediction float64, (rows, classes).
    """
    import numpy as np

    classes, resampling = assessment.dataset.classes, assessment.resampling
    said, met = stated_and_met(assessment.truth, assessment.prediction)
    bins = binned(said, met, np.ones(len(said)))
    before = assessment.uncalibrated
    predictions = {MODEL: assessment.prediction} | ({} if before is None else {BEFORE: before})
    samples = resample(
        assessment.truth,
        predictions,
        {"brier": brier_score, "error": expected_calibration_error},
        resampling,
        assessment.unit,
        assessment.weights,
    )
    return {
        "of": f"class {classes[1]}" if len(classes) == 2 else "the predicted class",
        "bins": [_bin(bins, number, resampling.level) for number in range(len(bins.weight))],
        "brier_score": stated(samples.interval(MODEL, "brier")),
        "error": stated(samples.interval(MODEL, "error")),
        "fitted": assessment.calibration,
        "before": None
        if before is None
        else {
            "brier_score": stated(samples.interval(BEFORE, "brier")),
            "error": stated(samples.interval(BEFORE, "error")),
        },
        "by_chance": significant(_by_chance(said, bins, resampling)),
    }


def _bin(bins: Bins, number: int, level: float) -> Bin:
    rows, share = int(bins.weight[number]), float(bins.frequency[number])
    low, high = wilson(share, rows, level)
    return {
        "rows": rows,
        "stated": significant(float(bins.stated[number])),
        "frequency": significant(share),
        "low": significant(low),
        "high": significant(high),
    }


def _by_chance(said: "np.ndarray", bins: Bins, resampling: Resampling) -> float:
    """What the calibration error stays below, at the level, where all probabilities are right.

    It is above 0 all the same, for few rows meet no probability exactly: outcomes are drawn by the
    probabilities themselves (Bröcker and Smith, Weather and Forecasting 22, 2007).
    """
    import numpy as np

    generator = np.random.default_rng(resampling.seed)
    errors = np.empty(resampling.resamples)
    for draw in range(resampling.resamples):
        met = generator.random(len(said)) < said
        share = np.bincount(bins.of_row, met, minlength=len(bins.weight)) / bins.weight
        errors[draw] = (bins.weight * abs(bins.stated - share)).sum() / len(said)
    return float(np.quantile(errors, resampling.level))
