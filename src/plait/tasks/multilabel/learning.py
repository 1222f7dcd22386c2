"""Any number of the classes a row, learnt and predicted as a probability of each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plait.json_types import Values
from plait.tasks.base import Task
from plait.tasks.label_sets import exploded, indicators, sets_of
from plait.tasks.multilabel.threshold import chosen
from plait.tasks.probabilities import with_probabilities
from plait.tasks.scaling import TargetScaling
from plait.tasks.single import SingleTarget

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch


class Indicators(SingleTarget):
    """Int64 0 or 1, (rows, classes)."""

    def encode(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Mark each row's labels.

        :raises UserError: naming row and value of a label that is none of the classes.
        """
        return indicators(frame[self.target], self.classes)


class Multilabel(Task):
    """Any number of classes a row."""

    name, objective = "multilabel", "binary_cross_entropy"
    several = True

    def fit(
        self,
        train: "pd.DataFrame",
        targets: Sequence[str],
        classes: tuple[str, ...],
        scaling: TargetScaling,
    ) -> Indicators:
        """The classes are the data set's."""
        (target,) = targets
        return Indicators(self.name, target, classes)

    def encoder(self, values: Values) -> Indicators:
        """From plain values."""
        return Indicators.from_json(values)

    def labels(self, target: "pd.Series") -> "pd.Series":
        """A row a label."""
        return exploded(target)

    def activate(self, outputs: "torch.Tensor") -> "torch.Tensor":
        """Logits, (rows, classes), to probabilities, each for itself."""
        return outputs.sigmoid()

    def answers(self, prediction: "np.ndarray", classes: Sequence[str]) -> "pd.DataFrame":
        """The classes that are likelier than not, and each class's probability."""
        return with_probabilities(sets_of(chosen(prediction), classes), prediction, classes)


TASK = Multilabel()
