"""Cross-validation: each member on the rows that were held out from it, and the mean with its
standard error.

Training parts of folds overlap, so that the values of folds vary together, and the usual standard
error is far too small. That of Nadeau and Bengio (Inference for the Generalization Error, Machine
Learning 52, 2003) takes the correlation of two values to be the share of rows that are held out:
sqrt((1/J + held out / learnt) s²) of J values with the variance s².
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from plait.data.dataset import Dataset
from plait.data.folds import HELD_OUT, Folds
from plait.evaluation.decided import values_of
from plait.evaluation.entries import CrossValidated, CrossValidation, ValidatedFold
from plait.evaluation.metrics import Metric
from plait.evaluation.parts import Parts
from plait.evaluation.predicted_rows import write_rows
from plait.evaluation.stated import number
from plait.evaluation.task import evaluation_of
from plait.models.follows import Decision
from plait.workspace import Outputs

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from plait.models.trained import TrainedModel

OUT_OF_FOLD = "out_of_fold"

Answers = Callable[["TrainedModel", "pd.DataFrame"], "np.ndarray"]
"""From a member and rows to its predictions, (rows, …)."""


class Predict(Protocol):
    """`plait.evaluation.evaluate.predict`."""

    def __call__(
        self, model: "TrainedModel", frame: "pd.DataFrame", dataset: Dataset, *, part: str
    ) -> "np.ndarray":
        """The predictions of all rows, some at a time."""


def cross_validated(
    model: "TrainedModel",
    parts: Parts,
    dataset: Dataset,
    chosen: dict[str, Metric],
    predict: Predict,
    outputs: Outputs,
) -> CrossValidation | None:
    """`cross_validate` a model, and write ``evaluation/out_of_fold.parquet``, a row for each that
    was held out, with the columns of ``predictions.parquet``.

    :returns: None where there are no folds.
    """
    if parts.folds is None:
        return None

    def answers(member: "TrainedModel", frame: "pd.DataFrame") -> "np.ndarray":
        return predict(member, frame, dataset, part="held-out")

    told, rows, prediction = cross_validate(
        model, parts.folds, parts.train, dataset, chosen, answers
    )
    truth = evaluation_of(dataset.task).truth(rows, dataset)
    write_rows(outputs, OUT_OF_FOLD, rows, truth, prediction, dataset, model.decision)
    return told


def cross_validate(
    model: "TrainedModel",
    folds: Folds,
    train: "pd.DataFrame",
    dataset: Dataset,
    chosen: dict[str, Metric],
    answers: Answers,
) -> "tuple[CrossValidation, pd.DataFrame, np.ndarray]":
    """Measure each member of a model on the rows that it has not seen.

    :param folds: of the training part, with as many members as the model has.
    :param train: the training part, all columns.
    :param chosen: the metrics, the primary one first.
    :returns: what ``evaluation.json`` holds of it; the rows that were held out; and their
        predictions, (rows, …), the mean over repeats.
    """
    import numpy as np

    assert len(model.members) == len(folds), "a member a fold"
    measured: list[ValidatedFold] = []
    repeats: list[np.ndarray] = []
    for number_of_member, member in enumerate(model.members):
        held_out = folds.held_out(number_of_member)
        rows = train[held_out]
        prediction = answers(member, rows)
        if number_of_member % folds.number == 0:
            repeats.append(np.zeros((len(train), *prediction.shape[1:])))
        repeats[-1][held_out] = prediction
        measured.append(
            {
                "title": folds.title(number_of_member),
                "learnt": int(folds.learnt(number_of_member).sum()),
                "held_out": len(rows),
                "metrics": _values(rows, prediction, dataset, chosen, model.decision),
            }
        )
    kept = (folds.roles == HELD_OUT).any(axis=0)
    ratio = sum(fold["held_out"] / fold["learnt"] for fold in measured) / len(measured)
    metrics = {
        name: corrected([fold["metrics"][name] for fold in measured], ratio) for name in chosen
    }
    for fold in measured:
        fold["metrics"] = {name: number(value) for name, value in fold["metrics"].items()}
    told: CrossValidation = {
        "folds": folds.number,
        "repeats": folds.repeats,
        "rows": int(kept.sum()),
        "of": len(train),
        "metrics": metrics,
        "members": measured,
    }
    # A calibration is of the average of all members, of whom each row here knows some alone.
    average = replace(model, calibration=None).average([each[kept] for each in repeats])
    return told, train[kept], average


def corrected(values: list[float | None], ratio: float) -> CrossValidated:
    """The mean of the values of folds, and its corrected standard error.

    :param values: of two folds or more; None where a metric is undefined.
    :param ratio: rows held out for each that was learnt from, the mean over folds.
    :returns: None of both where a fold has no value: a mean of the others would be of other rows.
    """
    defined = [value for value in values if value is not None]
    if len(defined) < len(values):
        reason = f"undefined in {len(values) - len(defined)} of {len(values)} folds"
        return {"mean": None, "standard_error": None, "reason": reason}
    mean = math.fsum(defined) / len(defined)
    variance = math.fsum((value - mean) ** 2 for value in defined) / (len(defined) - 1)
    error = math.sqrt((1 / len(defined) + ratio) * variance)
    return {"mean": number(mean), "standard_error": number(error)}


def _values(
    rows: "pd.DataFrame",
    prediction: "np.ndarray",
    dataset: Dataset,
    chosen: dict[str, Metric],
    decision: Decision | None,
) -> dict[str, float | None]:
    """Each metric of the rows of a fold, as it is computed of the test part; None: undefined."""
    truth = evaluation_of(dataset.task).truth(rows, dataset)
    found = values_of(chosen, truth, prediction, dataset.weights(rows), decision)
    return {name: value if math.isfinite(value) else None for name, value in found.items()}
