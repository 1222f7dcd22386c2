"""What a run is ranked by: its main metric or another, with interval and direction."""

import math
from dataclasses import dataclass

from plait.evaluation.metrics import metrics as known_metrics
from plait.tracking.query.run import RecordedRun
from plait.tracking.tags import DIRECTION, MAIN_METRIC


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

    @classmethod
    def of(cls, run: RecordedRun, metric: str | None) -> "Score | None":
        """The score of a run by a metric, or by its main one."""
        tags, values = run.tags, run.metrics
        key = metric or tags.get(MAIN_METRIC)
        if key is None or not math.isfinite(values.get(key, math.nan)):
            return None
        section, _, name = key.partition("/")
        beside = (f"test_interval/{name}_low", f"test_interval/{name}_high", f"test_naive/{name}")
        return cls(
            key,
            tags[DIRECTION] if key == tags.get(MAIN_METRIC) else direction_of(name),
            values[key],
            *(values.get(other) if section == "test" else None for other in beside),
        )

    @property
    def rank(self) -> float:
        """Less is better."""
        return -self.value if self.direction == "maximize" else self.value


def direction_of(name: str) -> str | None:
    """Whether less of a metric is better, by the part of its name behind the section."""
    if name.rpartition("/")[2] == "loss":
        return "minimize"
    known = known_metrics().get(name)
    return known.direction if known else None
