"""How predicted numbers are measured and shown."""

from typing import TYPE_CHECKING

from plait.data.dataset import Dataset
from plait.evaluation.conformal import prediction_intervals
from plait.evaluation.entries import Details, Evaluation
from plait.evaluation.plots.canvas import Canvas
from plait.evaluation.plots.numbers import draw_predicted_against_true, draw_residuals
from plait.evaluation.plots.over_time import Line
from plait.evaluation.task import Assessment, Baseline, TaskEvaluation, columns_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class RegressionEvaluation(TaskEvaluation):
    """Truth and prediction are float64, (rows,), in the target's unit."""

    loss = "mse"

    def truth(self, frame: "pd.DataFrame", dataset: Dataset) -> "np.ndarray":
        """The numbers."""
        import numpy as np

        return frame[dataset.target].to_numpy(np.float64)

    def naive(
        self,
        truth_of_train: "np.ndarray",
        test: "pd.DataFrame",
        dataset: Dataset,
        weights: "np.ndarray | None" = None,
    ) -> list[Baseline]:
        """The training mean; where the source has a naive answer, that one and zero too."""
        import numpy as np

        rows = len(test)
        mean = np.full(rows, np.average(truth_of_train, weights=weights))
        found = [Baseline("mean", "predicting the training mean", True, mean)]
        column = dataset.facts.get("naive_column")
        if column is None:
            return found
        title = str(dataset.facts.get("naive_title", f"predicting {column}"))
        return [
            Baseline("zero", "predicting zero", True, np.zeros(rows)),
            *found,
            Baseline("naive", title, True, test[str(column)].to_numpy(np.float64)),
        ]

    def columns(
        self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset
    ) -> "pd.DataFrame":
        """Both numbers."""
        return columns_of(dataset.task, truth, prediction, dataset)

    def read_back(
        self, predictions: "pd.DataFrame", evaluation: Evaluation
    ) -> "tuple[np.ndarray, np.ndarray]":
        """Both numbers."""
        return predictions["truth"].to_numpy(), predictions["prediction"].to_numpy()

    def details(self, assessment: Assessment) -> Details:
        """Prediction intervals."""
        return {"prediction_intervals": prediction_intervals(assessment)}

    def draw(self, canvas: Canvas, evaluation: Evaluation, assessment: Assessment) -> None:
        """Predictions over truths, and residuals."""
        dataset = assessment.dataset
        unit = next(column.unit for column in dataset.columns if column.role == "target")
        for draw in (draw_predicted_against_true, draw_residuals):
            draw(canvas, assessment.truth, assessment.prediction, dataset.target, unit)

    def line(self, truth: "np.ndarray", prediction: "np.ndarray", dataset: Dataset) -> Line:
        """The prediction beside the truth."""
        return Line(prediction, dataset.target, truth)

    def told(self, prediction: "np.ndarray", dataset: Dataset) -> "dict[str, np.ndarray]":
        """The number."""
        return {dataset.target: prediction}


EVALUATION = RegressionEvaluation()
