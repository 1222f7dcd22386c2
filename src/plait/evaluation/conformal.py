"""Prediction intervals by split conformal prediction, and how many truths they hold.

Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, Distribution-Free Predictive Inference for
Regression (Journal of the American Statistical Association 113, 2018).
"""

import math
from typing import TYPE_CHECKING

from plait.artifacts import significant
from plait.evaluation.entries import PredictionIntervals
from plait.evaluation.notation import percent
from plait.evaluation.task import Assessment, evaluation_of
from plait.evaluation.wilson import wilson

if TYPE_CHECKING:
    import numpy as np


def prediction_intervals(assessment: Assessment) -> PredictionIntervals:
    """Intervals of one width around all predictions, at the level of the other intervals.

    :param assessment: truth and prediction float64, (rows,); with the rows that are set aside.
    :returns: no width, with the reason, where no rows, or too few, are set aside.
    """
    level, aside = assessment.resampling.level, next(iter(assessment.set_aside), None)
    if aside is None:
        reason = (
            "There is neither a calibration nor a validation part whose errors could make them;"
            " data.split.calibration and data.split.val are 0."
        )
        return _none(None, 0, reason)
    frame, dataset = aside.rows.frame, assessment.dataset
    least = least_rows(level)
    if len(frame) < least:
        reason = (
            f"At {percent(level)} they take the errors of {least} rows at least;"
            f" {aside.rows.name} has {len(frame)}."
        )
        return _none(aside.rows.name, len(frame), reason)
    truth = evaluation_of(dataset.task).truth(frame, dataset)
    half = half_width(abs(truth - aside.prediction), level)
    held = abs(assessment.truth - assessment.prediction) <= half
    share = float(held.mean())
    low, high = wilson(share, len(held), level)
    return {
        "part": aside.rows.name,
        "rows": len(frame),
        "half_width": significant(half),
        "mean_width": significant(2 * half),
        "coverage": {
            "value": significant(share),
            "low": significant(low),
            "high": significant(high),
        },
        "reason": None,
    }


def half_width(errors: "np.ndarray", level: float) -> float:
    """The error that a further row stays within with a probability of ``level`` at least.

    :param errors: absolute, (rows,), of at least `least_rows` rows that are exchangeable with it.
    """
    import numpy as np

    rank = math.ceil(round((len(errors) + 1) * level, 9))
    return float(np.sort(errors)[rank - 1])


def least_rows(level: float) -> int:
    """The fewest rows of whose errors one is large enough for the level."""
    # A quotient that is whole but for rounding is whole.
    return math.ceil(round(level / (1 - level), 9))


def _none(part: str | None, rows: int, reason: str) -> PredictionIntervals:
    return {
        "part": part,
        "rows": rows,
        "half_width": None,
        "mean_width": None,
        "coverage": None,
        "reason": reason,
    }
