"""Fit what follows the weights, each on rows that the weights know nothing of."""

from typing import TYPE_CHECKING

from plait.calibration.attach import Following
from plait.calibration.base import CalibrationSettings, Calibrator
from plait.calibration.deciding import CostDecision, best_threshold
from plait.calibration.decision import Settings, matrix_of
from plait.config.chosen import settings_in
from plait.config.registry import module_of
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset, Part, read_part
from plait.errors import UserError
from plait.models.trained import TrainedModel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def fit(resolved: Resolved, model: TrainedModel, dataset: Dataset) -> Following:
    """The calibration on the calibration part, then the decision on the validation part.

    :param model: as it was trained.
    :raises UserError: where there are no such rows, or too few, and for costs of no class.
    """
    from dataclasses import replace

    costs = Settings.model_validate(resolved.section("decision")).costs
    # Before anything is fitted: names can be wrong.
    matrix = None if costs is None else matrix_of(costs, model.classes)
    calibration, choice = None, None
    if resolved["calibration"] is not None:
        choice = resolved.choice("calibration")
        calibration = _calibration(resolved, model, dataset)
        model = replace(model, calibration=calibration)
    decision = None if matrix is None else _decision(resolved, model, dataset, matrix)
    return Following(calibration, choice, decision)


def _calibration(resolved: Resolved, model: TrainedModel, dataset: Dataset) -> Calibrator:
    choice = resolved.choice("calibration")
    settings = settings_in(resolved, "calibration", CalibrationSettings)
    rows = _rows(dataset, "calibration")
    if rows is None:
        raise UserError(
            f"{resolved.name}: calibration: {choice} is fitted on the calibration part, and there"
            " is none; set data.split.calibration above 0, or split by a column that says so"
        )
    if len(rows) < settings.min_rows:
        raise UserError(
            f"{resolved.name}: calibration: the calibration part has {len(rows)} rows, and {choice}"
            f" asks for {settings.min_rows} (calibration.min_rows); set data.split.calibration"
            " higher"
        )
    found = module_of("calibration", choice).fit(
        *_predicted(resolved, model, dataset, rows), model.classes
    )
    assert isinstance(found, Calibrator), f"calibration: {choice} fits no Calibrator"
    return found


def _decision(
    resolved: Resolved, model: TrainedModel, dataset: Dataset, costs: "np.ndarray"
) -> CostDecision:
    """Of more than two classes nothing is fitted: the probabilities decide."""
    if len(model.classes) > 2:
        return CostDecision(costs, None)
    rows = _rows(dataset, "val")
    if rows is None:
        raise UserError(
            f"{resolved.name}: decision.costs: the threshold is found on the validation part, and"
            " there is none; set data.split.val above 0 (the calibration part is not for it)"
        )
    probabilities, truth, weights = _predicted(resolved, model, dataset, rows)
    return CostDecision(costs, best_threshold(probabilities[:, 1], truth, weights, costs))


def _rows(dataset: Dataset, part: Part) -> "pd.DataFrame | None":
    assert dataset.folder is not None, "read from its folder"
    rows = read_part(dataset.folder, part)
    return None if rows is None or rows.empty else rows


def _predicted(
    resolved: Resolved, model: TrainedModel, dataset: Dataset, rows: "pd.DataFrame"
) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Probabilities, truth and weights of rows, as `CalibrationSettings` has them.

    :raises UserError: for a prediction that is no finite number.
    """
    import numpy as np

    prediction = model.predict(rows)
    if not np.isfinite(prediction).all():
        raise UserError(
            f"{resolved.name}: the model's predictions are no finite numbers; its training"
            " diverged: try a smaller optimizer.lr or a trainer.gradient_clip"
        )
    weights = dataset.weights(rows)
    truth = model.preprocessor.target.encode(rows)
    return prediction, truth, np.ones(len(rows)) if weights is None else weights
