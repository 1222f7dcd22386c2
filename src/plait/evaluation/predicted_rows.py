"""Predictions of rows, written beside the truth and what tells the rows."""

from typing import TYPE_CHECKING

from plait.data.dataset import Dataset, Role
from plait.evaluation.task import evaluation_of
from plait.models.follows import Decision
from plait.workspace import Outputs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BESIDE: tuple[Role, ...] = ("index", "time", "group", "weight", "extra")
"""The roles of columns that stand beside the predictions."""


def write_rows(
    outputs: Outputs,
    name: str,
    frame: "pd.DataFrame",
    truth: "np.ndarray",
    prediction: "np.ndarray",
    dataset: Dataset,
    decision: Decision | None = None,
) -> "pd.DataFrame":
    """Write ``evaluation/NAME.parquet``.

    :param frame: the rows, all columns.
    :param truth: (rows, …), as `plait.evaluation.task.TaskEvaluation.truth` gives it.
    :param prediction: (rows, …), as `plait.models.trained.TrainedModel.predict` gives it.
    :param decision: how classes are answered; None: by what is likeliest.
    :returns: truth and prediction as people read them, a row each.
    """
    import pandas as pd

    said = evaluation_of(dataset.task).columns(truth, prediction, dataset)
    if decision is not None:
        said["prediction"] = [dataset.classes[place] for place in decision.numbers(prediction)]
    beside = [column for role in BESIDE for column in dataset.names(role)]
    # A column of the source may bear one of our names.
    renamed = {column: f"source_{column}" for column in beside if column in said}
    whole = frame[beside].reset_index(drop=True).rename(columns=renamed)
    outputs["evaluation"].mkdir(parents=True, exist_ok=True)
    pd.concat([whole, said], axis=1).to_parquet(
        outputs["evaluation"] / f"{name}.parquet", index=False
    )
    return said
