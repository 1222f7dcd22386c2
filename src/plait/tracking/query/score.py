"""What a run is ranked by: its main metric or another, with interval and direction."""

import math
from dataclasses import dataclass

from plait.evaluation.metrics import metrics as known_metrics
from plait.tracking.query.run import RecordedRun
from plait.tracking.sections import CV, CV_ERROR, HELD_OUT
from plait.tracking.tags import DIRECTION, MAIN_METRIC

MEASURED = ("test", *HELD_OUT)
"""The sections that have the metrics of evaluation, by their names."""


@dataclass(frozen=True)
class Score:
    """What a run is ranked by."""

    metric: str
    direction: str | None
    """``minimize``, ``maximize``, or None where nobody knows."""
    value: float
    low: float | None = None
    high: float | None = None
    naive: float | None = None
    """The value of the best naive baseline."""
    error: float | None = None
    """Standard error of a mean over folds."""

    @classmethod
    def of(cls, run: RecordedRun, metric: str | None) -> "Score | None":
        """The score of a run by a metric, or by its main one."""
        tags, values = run.tags, run.metrics
        key = metric or tags.get(MAIN_METRIC)
        if key is None or not math.isfinite(values.get(key, math.nan)):
            return None
        section, _, name = key.partition("/")
        main = tags.get(MAIN_METRIC, "").partition("/")[2]
        beside = (f"test_interval/{name}_low", f"test_interval/{name}_high", f"test_naive/{name}")
        low, high, naive = (values.get(other) if section == "test" else None for other in beside)
        return cls(
            key,
            tags[DIRECTION] if section in MEASURED and name == main else direction_of(name),
            values[key],
            low,
            high,
            naive,
            error=values.get(f"{CV_ERROR}/{name}") if section == CV else None,
        )

    @property
    def rank(self) -> float:
        """Less is better."""
        return -self.value if self.direction == "maximize" else self.value


def held_out_metric(run: RecordedRun) -> str | None:
    """The metric by which a run is chosen among others: its main one, on rows held out for that.

    :returns: None of a run that has no such rows.
    """
    name = run.tags.get(MAIN_METRIC, "").partition("/")[2]
    keys = (f"{section}/{name}" for section in HELD_OUT)
    return next((key for key in keys if math.isfinite(run.metrics.get(key, math.nan))), None)


def direction_of(name: str) -> str | None:
    """Whether less of a metric is better, by the part of its name behind the section."""
    if name.rpartition("/")[2] == "loss":
        return "minimize"
    known = known_metrics().get(name)
    return known.direction if known else None
