"""The code file of every logged model, as MLflow's models-from-code wants it: raw columns in.

It runs on the copy of plait that is logged with it. Nothing is unpickled.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from plait.calibration.attach import attached
from plait.models.trained import TrainedModel
from plait.tracking.record.exported import NETWORK, load_exported


class RawColumnsModel(PythonModel):  # type: ignore[misc]  # untyped
    """Predicts from the source's columns, as they stand in the Parquet parts."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model's folder."""
        folder = Path(context.artifacts["model"])
        exported = (folder / NETWORK).exists()
        model = load_exported(folder) if exported else TrainedModel.load(folder)
        self._model = attached(model, folder)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: Any = None
    ) -> pd.DataFrame:
        """Predict rows.

        :param model_input: DataFrame (rows, …) with at least the feature columns.
        :returns: DataFrame: column ``prediction``, and what the task has beside it; of classes
            their probabilities, as ``probability_LABEL``; where a row may have several,
            ``prediction`` is the text of a JSON list.
        """
        return self._model.answers(self._model.predict(model_input))


mlflow.models.set_model(RawColumnsModel())
