"""How probabilities of exclusive classes are measured and shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plait.data.dataset import Dataset
from plait.errors import UserError
from plait.evaluation.calibration import calibration
from plait.evaluation.entries import Details, Evaluation
from plait.evaluation.per_class import per_class
from plait.evaluation.plots.calibration import draw_calibration
from plait.evaluation.plots.canvas import Canvas
from plait.evaluation.plots.classes import draw_confusion, draw_roc
from plait.evaluation.plots.over_time import Line
from plait.evaluation.task import Assessment, Baseline, TaskOfClasses, classes_in, columns_of
from plait.tasks.probabilities import probability_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class ClassificationEvaluation(TaskOfClasses):
    """The truth is the numbers of classes, int64, (rows,); the prediction their probabilities,
    float64, (rows, classes).
    """

    loss = "brier_score"

    def truth(self, frame: "pd.DataFrame", dataset: Dataset) -> "np.ndarray":
        """The numbers of the classes.

        :raises UserError: for a label that the data set does not list.
        """
        return class_numbers(frame[dataset.target], dataset)

    def naive(
        self,
        truth_of_train: "np.ndarray",
        test: "pd.DataFrame",
        dataset: Dataset,
        weights: "np.ndarray | None" = None,
    ) -> list[Baseline]:
        """The training part's most frequent class, and the source's naive answer."""
        import numpy as np

        counts = np.bincount(truth_of_train, weights, minlength=len(dataset.classes))
        frequencies = np.tile(counts / counts.sum(), (len(test), 1))
        majority = dataset.classes[int(counts.argmax())]
        found = [Baseline("majority", f"always predicting {majority!r}", True, frequencies)]
        column = dataset.facts.get("naive_column")
        if column is not None:
            title = str(dataset.facts.get("naive_title", f"predicting {column}"))
            said = np.eye(len(dataset.classes))[class_numbers(test[str(column)], dataset)]
            found.append(Baseline("naive", title, True, said))
        return found

    def columns(
        self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset
    ) -> "pd.DataFrame":
        """Labels, and the probability of each class."""
        return columns_of(dataset.task, self.in_words(truth, dataset.classes), prediction, dataset)

    def read_back(
        self, predictions: "pd.DataFrame", evaluation: Evaluation
    ) -> "tuple[np.ndarray, np.ndarray]":
        """The numbers of the classes, and the probabilities."""
        classes = classes_in(evaluation)
        numbers = {label: number for number, label in enumerate(classes)}
        return (
            predictions["truth"].map(numbers).to_numpy(),
            predictions[[probability_of(label) for label in classes]].to_numpy(),
        )

    def details(self, assessment: Assessment) -> Details:
        """The confusion matrix, a row an actual class, each class's scores, and calibration."""
        from sklearn.metrics import confusion_matrix

        classes = assessment.dataset.classes
        counts = confusion_matrix(
            assessment.truth, assessment.answers.argmax(axis=1), labels=range(len(classes))
        )
        return {
            "confusion": {"labels": list(classes), "counts": counts.tolist()},
            "per_class": per_class(assessment),
            "calibration": calibration(assessment),
        }

    def draw(self, canvas: Canvas, evaluation: Evaluation, assessment: Assessment) -> None:
        """The confusion matrix, ROC curves and the calibration curve."""
        import numpy as np

        classes = assessment.dataset.classes
        assert evaluation["confusion"] is not None, "`details` has added it"
        draw_confusion(canvas, evaluation["confusion"])
        actual = np.eye(len(classes), dtype=bool)[assessment.truth]
        draw_roc(canvas, actual, assessment.prediction, classes, exclusive=True)
        assert evaluation["calibration"] is not None, "`details` has added it"
        draw_calibration(canvas, evaluation["calibration"], evaluation["level"])

    def line(self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset) -> Line:
        """The probability of the last class."""
        return Line(prediction[:, -1], f"P({dataset.classes[-1]})", None)

    def told(self, prediction: "np.ndarray", dataset: Dataset) -> "dict[str, np.ndarray]":
        """Of two classes the last one's probability, which says all; else as for all classes."""
        told = super().told(prediction, dataset)
        last = f"P({dataset.classes[-1]})"
        return {last: told[last]} if len(dataset.classes) == 2 else told

    def sureness(
        self, truth: "np.ndarray", prediction: "np.ndarray"
    ) -> "tuple[np.ndarray, np.ndarray]":
        """The likeliest class, and its probability where it is wrong."""
        import numpy as np

        said = prediction.argmax(axis=1)
        return said, np.where(said != truth, prediction[np.arange(len(said)), said], 0)

    def in_words(self, answers: "np.ndarray", classes: Sequence[str]) -> list[str]:
        """Labels by their numbers."""
        return [classes[number] for number in answers]


def class_numbers(labels: "pd.Series", dataset: Dataset) -> "np.ndarray":
    """The numbers of classes from their labels, int64, (rows,).

    :raises UserError: for a label that the data set does not list.
    """
    import numpy as np

    numbers = labels.astype(str).map({label: n for n, label in enumerate(dataset.classes)})
    if numbers.isna().any():
        unknown = labels[numbers.isna()].iloc[0]
        raise UserError(
            f"column {labels.name!r}: {unknown!r} is no class of the data set;"
            f" there are: {', '.join(dataset.classes)}"
        )
    return numbers.to_numpy(np.int64)


EVALUATION = ClassificationEvaluation()
