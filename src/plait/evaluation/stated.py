"""Values, intervals and differences, as ``evaluation.json`` states them."""

import math
from typing import TYPE_CHECKING

from plait.artifacts import SIGNIFICANT_DIGITS, significant
from plait.evaluation.entries import Difference, Stated, StatedBaseline, StatedPredictor
from plait.evaluation.intervals import Interval, Samples
from plait.evaluation.metrics import Metric
from plait.evaluation.task import Baseline

if TYPE_CHECKING:
    import numpy as np

MODEL = "model"
"""The key of the model among the predictors that are compared."""


def of_baseline(
    other: Baseline, samples: Samples, chosen: dict[str, Metric], primary: str
) -> StatedBaseline:
    """What a baseline reaches, and the model's lead over it."""
    return {
        "title": other.title,
        "naive": other.naive,
        **of_predictor(other.key, samples, chosen, primary),
    }


def of_predictor(
    key: str, samples: Samples, chosen: dict[str, Metric], primary: str
) -> StatedPredictor:
    """What a predictor reaches, and the model's lead over it."""
    return {
        "metrics": {name: stated(samples.interval(key, name)) for name in chosen},
        "difference": paired_difference(samples, MODEL, key, chosen[primary]),
    }


def paired_difference(samples: Samples, predictor: str, other: str, metric: Metric) -> Difference:
    """The paired difference of two predictors, ``predictor`` less ``other``, for JSON.

    :returns: with ``better``: whether the whole interval speaks for ``predictor``.
    """
    measured = [samples.interval(key, metric.name).value for key in (predictor, other)]
    interval = without_noise(samples.difference(predictor, other, metric.name), measured)
    return {
        "metric": metric.name,
        **stated(interval),
        "better": metric.improves(interval.low) and metric.improves(interval.high),
    }


def without_noise(difference: Interval, sides: list[float]) -> Interval:
    """A difference to the last digit that its sides are stated with: beyond, it is float noise.

    :param sides: the values whose difference it is.
    """
    size = max(abs(side) for side in sides)
    if not math.isfinite(size) or size == 0:
        return difference
    decimals = SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(size))
    low, high = (round(end, decimals) for end in (difference.low, difference.high))
    return Interval(round(difference.value, decimals), low, high, difference.undefined)


def stated(interval: Interval) -> Stated:
    """An interval for JSON: NaN is None, with the reason."""
    stated: Stated = {
        "value": number(interval.value),
        "low": number(interval.low),
        "high": number(interval.high),
    }
    if stated["value"] is None:
        stated["reason"] = "undefined here"
    elif stated["low"] is None:
        stated["reason"] = "no interval: undefined in most resamples"
    if interval.undefined:
        stated["undefined_resamples"] = interval.undefined
    return stated


def rounded(values: "np.ndarray") -> list[float]:
    """Finite numbers to the digits that are stated."""
    return [significant(float(value)) for value in values]


def number(value: float | None) -> float | None:
    """A value for JSON: a float to the digits that are stated, NaN and infinities as None."""
    if not isinstance(value, float):
        return value
    return significant(value) if math.isfinite(value) else None
