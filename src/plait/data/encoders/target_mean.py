"""A category with many values: what the target is on average where it stands.

Means are shrunk towards the overall mean as a random-effects model has it: by n / (n + s²/t²), with
s² the variance within categories and t² that between them, estimated by analysis of variance
(Searle, Casella and McCulloch, 1992, Variance components). As an encoding it is that of
Micci-Barreca (2001). The model learns from means that are fitted on the other folds: a row's own
target is in none of its inputs.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from plait.data.encoders.base import ColumnEncoder, Row
from plait.data.encoders.one_hot import RowsByCategory, numbers_of, refuse_unseen
from plait.tasks.scaling import mean_and_scale

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FOLDS = 5


@dataclass(frozen=True)
class TargetMean(ColumnEncoder):
    """An input for the target, or one for each class but of two; a missing value is a category."""

    kind: ClassVar = "target_mean"

    categories: list[str]
    means: list[list[float]]
    """(categories, inputs), scaled."""
    missing_means: list[float]
    """(inputs,), of a missing value; the same as `other` where training missed none."""
    other: list[float]
    """(inputs,), of a category that training has not seen: the overall mean, scaled."""
    shift: list[float]
    """(inputs,), taken from a mean before it is divided by `scale`."""
    scale: list[float]
    strict: bool
    """Whether a category that training has not seen is refused."""

    @classmethod
    def fit(
        cls, values: "pd.Series", targets: "np.ndarray", *, scaled: bool, strict: bool
    ) -> "TargetMean":
        """Fit on the training part.

        :param targets: as the model learns them: (rows,) numbers or classes, or (rows, classes).
        """
        import numpy as np

        learnt = _columns(targets)
        categories = sorted({str(value) for value in values.dropna()})
        numbers = _with_missing_last(categories, values)
        count = len(categories) + 1
        means, overall = _shrunk(numbers, learnt, count)
        shift, scale = np.zeros(learnt.shape[1]), np.ones(learnt.shape[1])
        if scaled:
            fitted = _cross_fitted(numbers, learnt, count)
            pairs = [mean_and_scale(column) for column in fitted.T]
            shift, scale = (np.array(each) for each in zip(*pairs, strict=True))
        rows = (means - shift) / scale
        return cls(
            str(values.name),
            categories,
            rows[:-1].tolist(),
            rows[-1].tolist(),
            ((overall - shift) / scale).tolist(),
            shift.tolist(),
            scale.tolist(),
            strict,
        )

    @property
    def inputs(self) -> list[str]:
        """``city: mean target``, numbered where there are several."""
        if len(self.other) == 1:
            return [f"{self.name}: mean target"]
        return [f"{self.name}: mean target {number}" for number in range(len(self.other))]

    @property
    def treatment(self) -> str:
        """How many categories."""
        return f"{len(self.categories)} categories, each by the mean of its targets (cross-fitted)"

    def transform(self, values: "pd.Series") -> "np.ndarray":
        """The inputs, see `ColumnEncoder.transform`."""
        import numpy as np

        numbers, missing = numbers_of(self.categories, values)
        if self.strict:
            refuse_unseen(values, numbers < 0, self.categories)
        table = np.array([*self.means, self.missing_means, self.other])
        unknown = np.where(missing, len(self.categories), len(self.categories) + 1)
        inputs: np.ndarray = table[np.where(numbers < 0, unknown, numbers)]
        return inputs

    def of_value(self, value: object) -> Row | None:
        """The inputs of one value, see `ColumnEncoder.of_value`."""
        return self._table.row(value)

    @cached_property
    def _table(self) -> RowsByCategory:
        return RowsByCategory.of(self, self.categories)

    def of_training(self, values: "pd.Series", targets: "np.ndarray") -> "np.ndarray":
        """The means of the other folds, see `ColumnEncoder.of_training`."""
        import numpy as np

        numbers = _with_missing_last(self.categories, values)
        fitted = _cross_fitted(numbers, _columns(targets), len(self.categories) + 1)
        inputs: np.ndarray = (fitted - np.array(self.shift)) / np.array(self.scale)
        return inputs

    def unseen(self, values: "pd.Series") -> int:
        """Rows of a category that training has not seen."""
        numbers, missing = numbers_of(self.categories, values)
        return int(((numbers < 0) & ~missing).sum())


def _columns(targets: "np.ndarray") -> "np.ndarray":
    """Targets as float64, (rows, inputs)."""
    import numpy as np

    if targets.ndim == 2:
        return targets.astype(np.float64)
    if targets.dtype.kind == "f":
        return targets.astype(np.float64)[:, None]
    classes = np.arange(targets.max() + 1)
    one_hot = np.equal(targets[:, None], classes).astype(np.float64)
    learnt: np.ndarray = one_hot[:, 1:] if len(classes) == 2 else one_hot
    return learnt


def _with_missing_last(categories: list[str], values: "pd.Series") -> "np.ndarray":
    import numpy as np

    numbers, missing = numbers_of(categories, values)
    return np.where(missing, len(categories), numbers)


def _cross_fitted(numbers: "np.ndarray", targets: "np.ndarray", count: int) -> "np.ndarray":
    """For each row its category's mean over the other folds, (rows, inputs)."""
    import numpy as np

    fold_of_row = np.random.default_rng(len(numbers)).permutation(len(numbers)) % FOLDS
    fitted = np.empty_like(targets)
    for fold in range(FOLDS):
        inside = fold_of_row == fold
        means, _ = _shrunk(numbers[~inside], targets[~inside], count)
        fitted[inside] = means[numbers[inside]]
    return fitted


def _shrunk(
    numbers: "np.ndarray", targets: "np.ndarray", count: int
) -> "tuple[np.ndarray, np.ndarray]":
    """The means of the categories, (count, inputs), and of all rows, (inputs,)."""
    import numpy as np

    rows = np.bincount(numbers, minlength=count).astype(np.float64)
    overall = targets.mean(axis=0)
    means = np.tile(overall, (count, 1))
    there = rows > 0
    groups, total = int(there.sum()), len(numbers)
    for column, target in enumerate(targets.T):
        own = np.bincount(numbers, weights=target, minlength=count)[there] / rows[there]
        spread = np.bincount(numbers, weights=(target - means[numbers, column]) ** 2).sum()
        between = (rows[there] * (own - overall[column]) ** 2).sum()
        within = max(spread - between, 0.0) / max(total - groups, 1)
        size = total - (rows**2).sum() / total
        variance = max(between - (groups - 1) * within, 0.0) / size if size > 0 else 0.0
        if variance > 0:
            weight = rows[there] / (rows[there] + within / variance)
            means[there, column] += weight * (own - overall[column])
    return means, overall
