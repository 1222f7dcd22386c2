"""A number a row, learnt scaled and predicted in its unit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from plait.json_types import Values, number_at
from plait.tasks.base import Task
from plait.tasks.scaling import TargetScaling, mean_and_scale
from plait.tasks.single import SingleTarget, by_source_row
from plait.tasks.transforms import exponent_of, transformed, undone

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class ScaledNumber(SingleTarget):
    """Float64, (rows,): the target, perhaps transformed, less its mean, in standard deviations."""

    target_exponent: float | None = None
    """Of the transform, see `plait.tasks.transforms`; None: there is none."""

    def encode(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Transform and scale.

        :raises UserError: naming row and value of what cannot be transformed.
        """
        import numpy as np

        target = by_source_row(frame, self.target)
        numbers = target.to_numpy(np.float64)
        if self.target_exponent is not None:
            numbers = transformed(target, self.target_exponent)
        return (numbers - self.target_mean) / self.target_scale

    def decode(self, outputs: "np.ndarray") -> "np.ndarray":
        """The inverse of `encode`."""
        import numpy as np

        learnt = np.asarray(outputs, dtype=np.float64) * self.target_scale + self.target_mean
        return learnt if self.target_exponent is None else undone(learnt, self.target_exponent)

    @property
    def scaling(self) -> tuple[float, float] | None:
        """The standard deviation and the mean; None of what is transformed before."""
        return None if self.target_exponent is not None else (self.target_scale, self.target_mean)

    def to_json(self) -> Values:
        """Plain values, the exponent where there is one."""
        values = super().to_json()
        if self.target_exponent is None:
            del values["target_exponent"]
        return values

    @classmethod
    def from_json(cls, values: Values) -> Self:
        """The inverse of `to_json`."""
        encoder = super().from_json(values)
        if "target_exponent" not in values:
            return encoder
        return replace(encoder, target_exponent=number_at(values, "target_exponent"))


class Regression(Task):
    """One number a row."""

    name, objective = "regression", "squared_error"
    scalar = True

    def fit(
        self,
        train: "pd.DataFrame",
        targets: Sequence[str],
        classes: tuple[str, ...],
        scaling: TargetScaling,
    ) -> ScaledNumber:
        """Take exponent, mean and standard deviation of the training part, where asked for.

        :raises UserError: for a target that cannot be transformed.
        """
        (target,) = targets
        exponent = exponent_of(by_source_row(train, target), scaling.transform)
        unscaled = ScaledNumber(self.name, target, classes, target_exponent=exponent)
        if not scaling.standard:
            return unscaled
        mean, deviation = mean_and_scale(unscaled.encode(train))
        return replace(unscaled, target_mean=mean, target_scale=deviation)

    def encoder(self, values: Values) -> ScaledNumber:
        """From plain values."""
        return ScaledNumber.from_json(values)

    def answers(self, prediction: "np.ndarray", classes: Sequence[str]) -> "pd.DataFrame":
        """The numbers."""
        import pandas as pd

        return pd.DataFrame({"prediction": prediction})


TASK = Regression()
