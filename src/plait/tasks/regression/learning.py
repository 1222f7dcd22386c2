"""A number a row, learnt scaled and predicted in its unit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plait.json_types import Values
from plait.tasks.base import Task
from plait.tasks.scaling import mean_and_scale
from plait.tasks.single import SingleTarget

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class ScaledNumber(SingleTarget):
    """Float64, (rows,): the target less its mean, in standard deviations."""

    def encode(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Scale."""
        import numpy as np

        return (frame[self.target].to_numpy(np.float64) - self.target_mean) / self.target_scale

    def decode(self, outputs: "np.ndarray") -> "np.ndarray":
        """The inverse of `encode`."""
        import numpy as np

        return np.asarray(outputs, dtype=np.float64) * self.target_scale + self.target_mean

    @property
    def scaling(self) -> tuple[float, float]:
        """The standard deviation and the mean."""
        return self.target_scale, self.target_mean


class Regression(Task):
    """One number a row."""

    name, objective = "regression", "squared_error"
    scalar = True

    def fit(
        self, train: "pd.DataFrame", targets: Sequence[str], classes: tuple[str, ...], scale: bool
    ) -> ScaledNumber:
        """Take mean and standard deviation of the training part, if ``scale``."""
        import numpy as np

        (target,) = targets
        mean, deviation = 0.0, 1.0
        if scale:
            mean, deviation = mean_and_scale(train[target].to_numpy(np.float64))
        return ScaledNumber(self.name, target, classes, mean, deviation)

    def encoder(self, values: Values) -> ScaledNumber:
        """From plain values."""
        return ScaledNumber.from_json(values)

    def answers(self, prediction: "np.ndarray", classes: Sequence[str]) -> "pd.DataFrame":
        """The numbers."""
        import pandas as pd

        return pd.DataFrame({"prediction": prediction})


TASK = Regression()
