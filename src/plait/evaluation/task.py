"""What a kind of task says of how its predictions are measured and shown."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from plait.data.dataset import Dataset
from plait.evaluation.entries import Details, Evaluation, StatedBaseline, StatedMetric, Verdict
from plait.evaluation.intervals import Resampling
from plait.evaluation.parts import Answered
from plait.evaluation.plots.canvas import Canvas
from plait.evaluation.plots.over_time import Line
from plait.evaluation.verdict import verdict
from plait.models.follows import Decision
from plait.tasks.registry import modules_of, task_named

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


MOST_TOLD = 5
"""Classes up to which partial dependence shows each."""


@dataclass(frozen=True)
class Baseline:
    """Another way to answer the same rows."""

    key: str
    title: str
    """As it continues "better than …"."""
    naive: bool
    """Whether it takes no learning."""
    prediction: "np.ndarray"
    """Of the test part, in the form of `TrainedModel.predict`."""


@dataclass(frozen=True)
class Assessment:
    """The test part, and what a model predicts of it."""

    truth: "np.ndarray"
    """(rows, …), as `TaskEvaluation.truth` gives it."""
    prediction: "np.ndarray"
    """(rows, …), as `plait.models.trained.TrainedModel.predict` gives it."""
    test: "pd.DataFrame"
    """The test part, all columns."""
    dataset: Dataset
    resampling: Resampling
    unit: "np.ndarray | None"
    """int64, (rows,): which rows are drawn together; None: each alone."""
    weights: "np.ndarray | None" = None
    """How much each row counts, float64, (rows,), 1 on average; None: all alike."""
    set_aside: tuple[Answered, ...] = ()
    """Further rows that the model has not learnt from, as `plait.evaluation.parts.Parts` has them.
    """
    decision: Decision | None = None
    """How the model answers where wrong answers have costs; None: by what is likeliest."""
    calibration: str | None = None
    """How its probabilities were calibrated, in words; None: they were not."""
    uncalibrated: "np.ndarray | None" = None
    """What it predicts without that, as ``prediction``."""

    @property
    def answers(self) -> "np.ndarray":
        """The prediction as metrics of answers take it: where wrong answers have costs, 1 of the
        class that is answered, and 0 of the others.
        """
        import numpy as np

        if self.decision is None:
            return self.prediction
        answers: np.ndarray = np.eye(self.prediction.shape[1])[
            self.decision.numbers(self.prediction)
        ]
        return answers


class TaskEvaluation(ABC):
    """How predictions of a task are measured. Its module defines one instance, ``EVALUATION``."""

    loss: ClassVar[str | None] = None
    """The metric, a mean over rows, in which importance of columns is told where the main one is
    none; None: it is then not told."""

    @abstractmethod
    def truth(self, frame: "pd.DataFrame", dataset: Dataset) -> "np.ndarray":
        """The truth as metrics take it, (rows, …).

        :raises UserError: for a value that the data set does not list.
        """

    @abstractmethod
    def naive(
        self,
        truth_of_train: "np.ndarray",
        test: "pd.DataFrame",
        dataset: Dataset,
        weights: "np.ndarray | None" = None,
    ) -> list[Baseline]:
        """The answers that take no learning.

        :param truth_of_train: of the training part, (rows, …).
        :param weights: how much its rows count, float64, (rows,); None: all alike.
        :param dataset: its ``facts["naive_column"]``, if any, names a column of ready predictions.
        """

    @abstractmethod
    def columns(
        self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset
    ) -> "pd.DataFrame":
        """The columns of ``predictions.parquet``: ``truth``, then those of `Task.answers`."""

    @abstractmethod
    def read_back(
        self, predictions: "pd.DataFrame", evaluation: Evaluation
    ) -> "tuple[np.ndarray, np.ndarray]":
        """Truth and prediction of what `columns` wrote.

        :param evaluation: what ``evaluation.json`` holds.
        """

    def shape(self, rows: int, dataset: Dataset) -> tuple[int, ...]:
        """The shape of the predictions of so many rows."""
        return (rows, len(dataset.classes)) if dataset.classes else (rows,)

    def is_faulty(self, prediction: "np.ndarray") -> "np.ndarray":
        """Which rows' predictions are none, bool, (rows,): those with NaN or infinities."""
        import numpy as np

        finite: np.ndarray = np.isfinite(prediction).reshape(len(prediction), -1).all(axis=1)
        return ~finite

    def details(self, assessment: Assessment) -> Details:
        """Further entries of ``evaluation.json``, which the report shows."""
        return {}

    @abstractmethod
    def draw(self, canvas: Canvas, evaluation: Evaluation, assessment: Assessment) -> None:
        """Draw the plots of this task.

        :param evaluation: what ``evaluation.json`` will hold, the plots left out.
        """

    def line(self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset) -> Line | None:
        """What is drawn over time, where rows have a time; None: nothing."""
        return None

    def told(self, prediction: "np.ndarray", dataset: Dataset) -> "dict[str, np.ndarray]":
        """The numbers in predictions whose means partial dependence shows, by label; none by
        default.

        :param prediction: (times, rows, …): of the same rows several times.
        :returns: float64, (times, rows) each.
        """
        return {}

    def verdict(
        self, primary: StatedMetric, compared: dict[str, StatedBaseline], level: float
    ) -> Verdict:
        """How the model stands, with parameters and result as `plait.evaluation.verdict` has."""
        return verdict(primary, compared, level)


class TaskOfClasses(TaskEvaluation):
    """A task whose predictions are probabilities of classes."""

    def told(self, prediction: "np.ndarray", dataset: Dataset) -> "dict[str, np.ndarray]":
        """The probabilities of the classes; of many, of the `MOST_TOLD` likeliest."""
        import numpy as np

        likely = prediction.mean(axis=(0, 1))
        places = np.sort(np.argsort(-likely, kind="stable")[:MOST_TOLD])
        return {f"P({dataset.classes[place]})": prediction[..., place] for place in places}

    @abstractmethod
    def sureness(
        self, truth: "np.ndarray", prediction: "np.ndarray"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """What is said of each row, in the form of the truth, and how sure the model is of what is
        wrong in that, float64, (rows,): 0 where nothing is.
        """

    @abstractmethod
    def in_words(self, answers: "np.ndarray", classes: Sequence[str]) -> list[str]:
        """Truths, or what is said, as people read them, (rows,)."""


def classes_in(evaluation: Evaluation) -> list[str]:
    """The classes in the order of their numbers; none of a task that has none.

    :param evaluation: what ``evaluation.json`` holds.
    """
    return [row["class"] for row in evaluation["per_class"] or ()]


def evaluation_of(task: str) -> TaskEvaluation:
    """How a task's predictions are measured.

    :raises ConfigurationError: if there is no such task.
    """
    (module,) = modules_of(task, ("evaluation",))
    evaluation = import_module(module).EVALUATION
    assert isinstance(evaluation, TaskEvaluation), f"{module}.EVALUATION is no TaskEvaluation"
    return evaluation


def columns_of(
    task: str, truth: "Sequence[object] | np.ndarray", prediction: "np.ndarray", dataset: Dataset
) -> "pd.DataFrame":
    """The truth, as people read it, beside the task's answers."""
    table = task_named(task).answers(prediction, dataset.classes)
    table.insert(0, "truth", truth)
    return table
