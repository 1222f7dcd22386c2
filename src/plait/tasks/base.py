"""What a kind of task says of its target to data, models and training.

How predictions are measured and shown is said by `plait.evaluation.task.TaskEvaluation`, which no
training depends on. Both are found by the task's name: ``plait/tasks/NAME/learning.py`` and
``evaluation.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from plait.json_types import Values
from plait.tasks.probabilities import probability_of
from plait.tasks.scaling import TargetScaling

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch


class TargetEncoder(ABC):
    """The targets of a data set as a model learns them, fitted on the training part."""

    @abstractmethod
    def encode(self, frame: "pd.DataFrame") -> "np.ndarray":
        """What a model learns, (rows, …).

        :param frame: (rows, …) with the target's columns, as in the Parquet parts.
        :raises UserError: naming row and value of what cannot be learnt.
        """

    def decode(self, outputs: "np.ndarray") -> "np.ndarray":
        """From what a model gives, (rows, …), to what is predicted; the same by default."""
        return outputs

    @property
    def scaling(self) -> tuple[float, float] | None:
        """Factor and offset that bring outputs back into the target's unit; None: no number."""
        return None

    @abstractmethod
    def to_json(self) -> Values:
        """Plain values, the task's name under ``task``, of which `Task.encoder` makes it again."""


class Task(ABC):
    """A kind of task. Its module defines one instance, ``TASK``."""

    name: ClassVar[str]
    """As ``plait/tasks/NAME`` is called, and as sources, models and metrics name it."""
    objective: ClassVar[str]
    """What a model trained by gradients minimises where no objective is chosen."""
    scalar: ClassVar[bool] = False
    """Whether the prediction is one number a row, in the target's unit."""
    several: ClassVar[bool] = False
    """Whether a row may have several of the classes."""
    unlabelled: ClassVar[bool] = False
    """Whether a target may be missing: what is missing is then not learnt from."""

    @abstractmethod
    def fit(
        self,
        train: "pd.DataFrame",
        targets: Sequence[str],
        classes: tuple[str, ...],
        scaling: TargetScaling,
    ) -> TargetEncoder:
        """Fit the target's encoder.

        :param train: (rows, …) of the training part.
        :param targets: names of the target's columns.
        :param classes: of the data set.
        :param scaling: what becomes of numbers.
        """

    @abstractmethod
    def encoder(self, values: Values) -> TargetEncoder:
        """The encoder that `TargetEncoder.to_json` described."""

    def labels(self, target: "pd.Series") -> "pd.Series | None":
        """The classes in a target's column, a row each, with the index of their rows; None: there
        are no classes.
        """
        return None

    def allowed(self, target: str, classes: tuple[str, ...]) -> Sequence[str] | None:
        """The values that a target's column may hold; None: all of its type."""
        return None

    def outputs(self, classes: Sequence[str]) -> int:
        """How many numbers a model gives for a row."""
        return max(1, len(classes))

    def learnt(self, targets: "torch.Tensor", dtype: "torch.dtype") -> "torch.Tensor":
        """Encoded targets, as an objective takes them.

        :param dtype: of the network's weights.
        """
        return targets.to(dtype)

    def activate(self, outputs: "torch.Tensor") -> "torch.Tensor":
        """From a network's outputs, (rows, …), to what it predicts, such as probabilities."""
        return outputs

    def average(self, predictions: "list[np.ndarray]") -> "np.ndarray":
        """What an ensemble predicts whose members predict these."""
        import numpy as np

        return predictions[0] if len(predictions) == 1 else np.mean(predictions, axis=0)

    @abstractmethod
    def answers(self, prediction: "np.ndarray", classes: Sequence[str]) -> "pd.DataFrame":
        """Predictions as columns for people: ``prediction``, and what belongs to it.

        :param prediction: as `plait.models.trained.TrainedModel.predict` gives it.
        """

    def answer_types(self, classes: Sequence[str]) -> dict[str, str]:
        """The columns of `answers` by name, each with its type in MLflow's words."""
        return {
            "prediction": "double" if self.scalar else "string",
            **dict.fromkeys(map(probability_of, classes), "double"),
        }
