"""The code file of every logged model, as MLflow's models-from-code wants it: raw columns in.

It runs on the copy of plait that is logged with it. Nothing is unpickled.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from plait.data.label_sets import chosen, sets_of
from plait.models.trained import TrainedModel
from plait.tracking.record.exported import NETWORK, load_exported


class RawColumnsModel(PythonModel):  # type: ignore[misc]  # untyped
    """Predicts from the source's columns, as they stand in the Parquet parts."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model's folder."""
        folder = Path(context.artifacts["model"])
        exported = (folder / NETWORK).exists()
        self._model = load_exported(folder) if exported else TrainedModel.load(folder)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: Any = None
    ) -> pd.DataFrame:
        """Predict rows.

        :param model_input: DataFrame (rows, …) with at least the feature columns.
        :returns: DataFrame: column ``prediction``; of classes also their probabilities, as
            ``probability_LABEL``; where a row may have several, ``prediction`` is the text of a
            JSON list.
        """
        values = self._model.predict(model_input)
        if self._model.task == "regression":
            return pd.DataFrame({"prediction": values})
        classes = self._model.classes
        result = pd.DataFrame(values, columns=[f"probability_{label}" for label in classes])
        if self._model.task == "multilabel":
            prediction = sets_of(chosen(values), classes)
        else:
            prediction = [classes[number] for number in values.argmax(axis=1)]
        result.insert(0, "prediction", prediction)
        return result


mlflow.models.set_model(RawColumnsModel())
