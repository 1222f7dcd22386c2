"""A rebuilt run held against the recorded one: every number, and the weights."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from plait.evaluation.text_table import aligned
from plait.tracking.cost import without_costs

if TYPE_CHECKING:
    import numpy as np

Verdict = Literal["identical", "within tolerance", "different"]

Curve = Mapping[int, float]
"""Values by step."""

TOLERANCE = 1e-5
"""Relative difference up to which numbers are within tolerance, unless the user says otherwise."""

JUSTIFICATION = (
    "float32 keeps 6e-08 of a number, and sums of ten thousand terms\n"
    "  in another order lose a hundred times as much (recorded numbers are rounded to 5e-08)"
)
"""Why `TOLERANCE` is as large as it is."""

LARGEST = sys.float_info.max
"""The number as which MLflow stores infinity."""

UNRECORDED = "none"
"""Instead of the digest of weights, of a run that has no such tag."""


@dataclass(frozen=True)
class Distance:
    """How far apart two numbers, or two arrays, are."""

    absolute: float
    relative: float
    """The distance divided by the larger of the two; of arrays, by the largest number in either."""

    def __str__(self) -> str:
        if self.absolute == 0:
            return "0"
        if math.isinf(self.relative):
            return "no number"
        return f"{self.absolute:.1e} (relative {self.relative:.1e})"


SAME = Distance(0.0, 0.0)

INCOMPARABLE = Distance(math.inf, math.inf)


@dataclass(frozen=True)
class Compared:
    """Something that was recorded, and what was rebuilt of it."""

    name: str
    recorded: str
    rebuilt: str
    distance: Distance


@dataclass(frozen=True)
class Comparison:
    """Everything that was compared."""

    numbers: list[Compared]
    """Those that are no curve."""
    curves: list[Compared]
    points: int
    """How many points all curves have together."""
    weights: Compared
    """Their digests, and how far they are apart."""

    def verdict(self, tolerance: float) -> Verdict:
        """What all numbers and the weights come to.

        :param tolerance: relative.
        """
        worst = self._worst().distance
        if worst.absolute == 0 and self.weights.recorded in (self.weights.rebuilt, UNRECORDED):
            return "identical"
        return "within tolerance" if worst.relative <= tolerance else "different"

    def table(self) -> str:
        """What was compared: a line each number, curve, and one for the weights."""
        cells = [("metric", "recorded", "rebuilt", "difference")]
        cells += [(row.name, row.recorded, row.rebuilt, str(row.distance)) for row in self.numbers]
        lines = aligned(cells, right=(1, 2))
        for row in (*self.curves, self.weights):
            both = f"{row.recorded} recorded, {row.rebuilt} rebuilt"
            what = row.recorded if row.recorded == row.rebuilt else both
            lines.append(f"{row.name}: {what}, largest difference {row.distance}")
        return "\n".join(lines)

    def conclusion(self, tolerance: float) -> str:
        """The verdict and its reason."""
        verdict = self.verdict(tolerance)
        if verdict == "identical":
            return (
                f"identical: all {len(self.numbers)} numbers, all {self.points} points of curves"
                " and the weights are equal, bit for bit"
            )
        why = f": {JUSTIFICATION}" if tolerance == TOLERANCE else ""
        worst = self._worst()
        if worst.distance.absolute == 0:
            return f"{verdict}: all is equal, bit for bit, but the digest of the weights"
        if verdict == "within tolerance":
            return (
                f"within tolerance: the largest difference is {worst.distance}, of {worst.name};\n"
                f"  tolerated is relative {tolerance:.0e}{why}"
            )
        beyond = [row.name for row in self._all() if not row.distance.relative <= tolerance]
        more = f" and {len(beyond) - 5} more" if len(beyond) > 5 else ""
        return (
            f"different: {', '.join(beyond[:5])}{more};\n"
            f"  tolerated is relative {tolerance:.0e}{why}"
        )

    def _all(self) -> list[Compared]:
        return [*self.numbers, *self.curves, self.weights]

    def _worst(self) -> Compared:
        return max(self._all(), key=lambda row: (row.distance.relative, row.distance.absolute))


def compare(
    shown: Mapping[str, float],
    history: Mapping[str, Curve],
    finals: Mapping[str, float],
    curves: Mapping[str, Curve],
    weights: Compared,
) -> Comparison:
    """Compare what a store has of a run with what was rebuilt, but for what it cost.

    :param shown: the store's one value of each metric; of a curve, its last.
    :param history: the store's values by metric and step; a final value stands at step 0.
    :param finals: rebuilt, of the test part.
    :param curves: rebuilt.
    """
    numbers, lines = [], []
    shown = without_costs(shown)
    for key in sorted(shown.keys() | finals.keys() | curves.keys()):
        past, rebuilt = history.get(key, {}), curves.get(key)
        if rebuilt is None:
            then, now = shown.get(key), finals.get(key)
            numbers.append(Compared(key, _text(then), _text(now), distance(then, now)))
            then, gap = past.get(0), curve_distance(past, {} if now is None else {0: now})
            beside = Compared(f"{key} (history)", _text(then), _text(now), gap)
        else:
            gap = curve_distance(past, rebuilt)
            lines.append(Compared(key, _points(past), _points(rebuilt), gap))
            then, now = shown.get(key), rebuilt[max(rebuilt)]
            beside = Compared(f"{key} (last)", _text(then), _text(now), distance(then, now))
        # The store holds it at two places: the second is worth a line where it differs.
        if beside.distance != SAME:
            numbers.append(beside)
    return Comparison(numbers, lines, sum(map(len, curves.values())), weights)


def distance(one: float | None, other: float | None) -> Distance:
    """Between two numbers; NaN is equal to NaN, and what is missing is equal to nothing."""
    if one is None or other is None or math.isnan(one) != math.isnan(other):
        return INCOMPARABLE
    if math.isnan(one):
        return SAME
    one, other = (max(-LARGEST, min(LARGEST, value)) for value in (one, other))
    return _distance(abs(one - other), max(abs(one), abs(other)))


def curve_distance(one: Curve, other: Curve) -> Distance:
    """Between two curves: that of the two points which are farthest apart."""
    steps = one.keys() | other.keys()
    return _farthest([distance(one.get(step), other.get(step)) for step in steps])


def arrays_distance(one: "Mapping[str, np.ndarray]", other: "Mapping[str, np.ndarray]") -> Distance:
    """Between arrays by name: that of the two which are farthest apart.

    :param one: float64, of any shapes.
    """
    import numpy as np

    if one.keys() != other.keys() or any(one[key].shape != other[key].shape for key in one):
        return INCOMPARABLE
    found = []
    for key in one:
        if np.array_equal(one[key], other[key], equal_nan=True):
            continue
        gap = float(np.max(np.abs(one[key] - other[key])))
        scale = float(max(np.max(np.abs(one[key])), np.max(np.abs(other[key]))))
        found.append(INCOMPARABLE if math.isnan(gap) else _distance(gap, scale))
    return _farthest(found)


def _distance(gap: float, scale: float) -> Distance:
    return Distance(gap, gap / scale) if gap else SAME


def _farthest(distances: list[Distance]) -> Distance:
    return max(distances, key=lambda found: (found.relative, found.absolute), default=SAME)


def _text(value: float | None) -> str:
    return "none" if value is None else repr(value)


def _points(curve: Curve) -> str:
    return f"{len(curve)} point" + ("" if len(curve) == 1 else "s")
