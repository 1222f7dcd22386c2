"""One of the classes a row, learnt by its number and predicted by probabilities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plait.errors import UserError
from plait.json_types import Values
from plait.tasks.base import Task
from plait.tasks.probabilities import with_probabilities
from plait.tasks.scaling import TargetScaling
from plait.tasks.single import SingleTarget, by_source_row, some

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch


class ClassNumber(SingleTarget):
    """Int64, (rows,): the place of the row's label among the classes."""

    def encode(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Look the labels up.

        :raises UserError: naming row and value of a label that is none of the classes.
        """
        import numpy as np
        import pandas as pd

        target = by_source_row(frame, self.target)
        numbers = pd.Index(self.classes).get_indexer(pd.Index(target.astype("str")))
        if (numbers < 0).any():
            row = int(np.argmax(numbers < 0))
            raise UserError(
                f"target {self.target!r}, row {target.index[row]}: {target.iloc[row]!r} is no"
                f" class; the classes are {some(self.classes)}"
            )
        return np.asarray(numbers, dtype=np.int64)


class Classification(Task):
    """One class a row."""

    name, objective = "classification", "cross_entropy"

    def fit(
        self,
        train: "pd.DataFrame",
        targets: Sequence[str],
        classes: tuple[str, ...],
        scaling: TargetScaling,
    ) -> ClassNumber:
        """The classes are the data set's."""
        (target,) = targets
        return ClassNumber(self.name, target, classes)

    def encoder(self, values: Values) -> ClassNumber:
        """From plain values."""
        return ClassNumber.from_json(values)

    def labels(self, target: "pd.Series") -> "pd.Series":
        """The column itself."""
        return target

    def allowed(self, target: str, classes: tuple[str, ...]) -> Sequence[str]:
        """The classes."""
        return classes

    def learnt(self, targets: "torch.Tensor", dtype: "torch.dtype") -> "torch.Tensor":
        """The numbers of classes stay whole numbers."""
        return targets

    def activate(self, outputs: "torch.Tensor") -> "torch.Tensor":
        """Logits, (rows, classes), to probabilities."""
        return outputs.softmax(-1)

    def answers(self, prediction: "np.ndarray", classes: Sequence[str]) -> "pd.DataFrame":
        """The likeliest class, and each class's probability."""
        return with_probabilities(
            [classes[number] for number in prediction.argmax(axis=1)], prediction, classes
        )


TASK = Classification()
