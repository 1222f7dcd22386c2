"""How probabilities of classes are measured and shown, where a row has any number of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plait.data.dataset import Dataset
from plait.evaluation.entries import Details, Evaluation
from plait.evaluation.per_class import per_class
from plait.evaluation.plots.canvas import Canvas
from plait.evaluation.plots.classes import draw_roc
from plait.evaluation.plots.over_time import Line
from plait.evaluation.task import Assessment, Baseline, TaskOfClasses, classes_in, columns_of
from plait.tasks.label_sets import in_words, indicators, sets_of
from plait.tasks.multilabel.threshold import THRESHOLD, chosen
from plait.tasks.probabilities import probability_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class MultilabelEvaluation(TaskOfClasses):
    """The truth is 0 or 1, int64, (rows, classes); the prediction each class's probability,
    float64, (rows, classes).
    """

    loss = "hamming_loss"

    def truth(self, frame: "pd.DataFrame", dataset: Dataset) -> "np.ndarray":
        """Which classes each row has.

        :raises UserError: for a label that the data set does not list.
        """
        return indicators(frame[dataset.target], dataset.classes)

    def naive(
        self,
        truth_of_train: "np.ndarray",
        test: "pd.DataFrame",
        dataset: Dataset,
        weights: "np.ndarray | None" = None,
    ) -> list[Baseline]:
        """The training part's most frequent class, and no other."""
        import numpy as np

        shares = truth_of_train.mean(axis=0)
        most = int(shares.argmax())
        shares[most] = max(shares[most], THRESHOLD)
        title = f"always predicting {dataset.classes[most]!r}"
        return [Baseline("majority", title, True, np.tile(shares, (len(test), 1)))]

    def columns(
        self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset
    ) -> "pd.DataFrame":
        """Lists of labels, and the probability of each class."""
        return columns_of(dataset.task, sets_of(truth, dataset.classes), prediction, dataset)

    def read_back(
        self, predictions: "pd.DataFrame", evaluation: Evaluation
    ) -> "tuple[np.ndarray, np.ndarray]":
        """Which classes each row has, and the probabilities."""
        classes = classes_in(evaluation)
        return (
            indicators(predictions["truth"], classes),
            predictions[[probability_of(label) for label in classes]].to_numpy(),
        )

    def details(self, assessment: Assessment) -> Details:
        """Each class's scores."""
        return {"per_class": per_class(assessment)}

    def draw(self, canvas: Canvas, evaluation: Evaluation, assessment: Assessment) -> None:
        """ROC curves."""
        classes = assessment.dataset.classes
        draw_roc(canvas, assessment.truth == 1, assessment.prediction, classes, exclusive=False)

    def line(self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset) -> Line:
        """The probability of the last class."""
        return Line(prediction[:, -1], f"P({dataset.classes[-1]})", None)

    def sureness(
        self, truth: "np.ndarray", prediction: "np.ndarray"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """The classes likelier than not, and of those said or missed wrongly the surest."""
        import numpy as np

        said = chosen(prediction)
        sure_of = np.where(said, prediction, 1 - prediction)
        return said, np.where(said != (truth == 1), sure_of, 0).max(axis=1)

    def in_words(self, answers: "np.ndarray", classes: Sequence[str]) -> list[str]:
        """The labels of each row in one text."""
        return in_words(answers, classes)


EVALUATION = MultilabelEvaluation()
