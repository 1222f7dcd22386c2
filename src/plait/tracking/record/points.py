"""Points of curves: each metric once a step, however often it is sent."""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Item = TypeVar("Item")


SAME = 1e-6
"""Relative difference up to which two numbers agree: files round to eight digits."""

BATCH = 1000
"""Most points that MLflow takes at once."""


@dataclass(frozen=True)
class Row:
    """Values that belong to one step."""

    step: int
    at: int
    """Milliseconds since the epoch."""
    values: Mapping[str, float]


class Points:
    """The points that a run has."""

    def __init__(self, client: "MlflowClient", run: "Run") -> None:
        self._client = client
        self.run_id: str = run.info.run_id
        self._known: dict[tuple[str, int], float] = {
            (key, point.step): point.value
            for key in run.data.metrics
            for point in sorted(
                client.get_metric_history(self.run_id, key), key=lambda point: point.timestamp
            )
        }

    def add(
        self, rows: Iterable[Row], model_id: str | None = None, *, replace: bool = False
    ) -> list[str]:
        """Send the points that the run lacks, in as few writes as MLflow allows.

        :param model_id: a logged model that the values describe too.
        :param replace: send also those that the run has with another value; MLflow keeps both and
            shows the later one.
        :returns: a line for each that the run has with another value, which it keeps.
        """
        from mlflow.entities import Metric

        new: dict[tuple[str, int], Metric] = {}
        differences = []
        for row in rows:
            for key, value in row.values.items():
                point = (key, row.step)
                same = point in self._known and agree(self._known[point], value)
                if point in self._known and not (replace and not same):
                    if not same:
                        differences.append(
                            f"{key} at step {row.step}: {self._known[point]:.8g} recorded,"
                            f" {value:.8g} now"
                        )
                elif point not in new:
                    new[point] = Metric(key, value, row.at, row.step, model_id=model_id)
        for batch in chunks(list(new.values()), BATCH):
            self._client.log_batch(self.run_id, metrics=batch)
        self._known.update({point: metric.value for point, metric in new.items()})
        return differences


def agree(one: float, other: float) -> bool:
    """Whether two values are the same but for rounding; NaN agrees with NaN."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    # MLflow stores infinity as the largest float.
    largest = sys.float_info.max
    one, other = (max(-largest, min(largest, value)) for value in (one, other))
    return math.isclose(one, other, rel_tol=SAME, abs_tol=1e-12)


def chunks(items: list[Item], size: int) -> Iterator[list[Item]]:
    """``items`` in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
