"""What is predicted, as a model learns it, and back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.data.dataset import Task
from plait.data.label_sets import indicators
from plait.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_SHOWN = 12
"""Names that an error lists."""


@dataclass(frozen=True)
class Targets:
    """Maps the target to what is learnt, and predictions back."""

    task: Task
    target: str
    classes: tuple[str, ...]
    target_mean: float
    target_scale: float

    def encode_target(self, target: "pd.Series") -> "np.ndarray":
        """What a model learns.

        :returns: regression: float64, scaled; classification: int64, the number of the class;
            multilabel: int64 0 or 1, (rows, classes).
        :raises UserError: naming row and value of a label that is none of the classes.
        """
        import numpy as np
        import pandas as pd

        if self.task == "regression":
            return (target.to_numpy(np.float64) - self.target_mean) / self.target_scale
        if self.task == "multilabel":
            return indicators(target, self.classes)
        numbers = pd.Index(self.classes).get_indexer(pd.Index(target.astype("str")))
        if (numbers < 0).any():
            row = int(np.argmax(numbers < 0))
            raise UserError(
                f"target {self.target!r}, row {target.index[row]}: {target.iloc[row]!r} is no"
                f" class; the classes are {some(self.classes)}"
            )
        return np.asarray(numbers, dtype=np.int64)

    def decode_target(self, values: "np.ndarray") -> "np.ndarray":
        """The inverse of `encode_target`: the target's unit, or the classes' labels."""
        import numpy as np

        if self.task == "regression":
            return np.asarray(values, dtype=np.float64) * self.target_scale + self.target_mean
        return np.asarray(np.asarray(self.classes, dtype=object)[values])


def column_of(frame: "pd.DataFrame", name: str) -> "pd.Series":
    """A column whose index names its rows: their numbers at the source where they are known.

    :raises UserError: if there is none of that name.
    """
    if name not in frame.columns:
        raise UserError(
            f"column {name!r} is missing; there are {some([str(column) for column in frame])}"
        )
    rows = frame["row"] if "row" in frame.columns else range(len(frame))
    return frame[name].set_axis(list(rows), axis=0)


def mean_and_scale(numbers: "np.ndarray") -> tuple[float, float]:
    """Mean and population standard deviation; the latter 1 where all numbers are equal."""
    constant = numbers.min() == numbers.max()
    return (float(numbers[0]), 1.0) if constant else (float(numbers.mean()), float(numbers.std()))


def some(names: "list[str] | tuple[str, ...]") -> str:
    """The first of many names, for an error."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
