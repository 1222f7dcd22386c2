"""A model with what follows its weights: the one way in which stages and readers load it."""

from dataclasses import dataclass, replace
from pathlib import Path

from plait.artifacts import read_json, write_json
from plait.calibration.base import Calibrator
from plait.calibration.deciding import CostDecision
from plait.config.registry import module_of
from plait.models.trained import TrainedModel
from plait.workspace import CALIBRATED, Outputs


@dataclass(frozen=True)
class Following:
    """What follows the weights, as `fit` makes it."""

    calibration: Calibrator | None
    choice: str | None
    """The choice of the group ``calibration`` that made it."""
    decision: CostDecision | None


def save(following: Following, path: Path) -> None:
    """Write the file, plain values."""
    calibration, decision = following.calibration, following.decision
    fitted = None
    if calibration is not None:
        fitted = {"choice": following.choice, **calibration.to_json()}
    write_json(
        path,
        {
            "calibration": fitted,
            "decision": None if decision is None else decision.to_json(),
        },
    )


def attached(model: TrainedModel, folder: Path) -> TrainedModel:
    """The model with what a folder says to follow; as it is where that has no such file, as before
    there was the stage.
    """
    path = folder / CALIBRATED
    if not path.exists():
        return model
    found = read_json(path)
    calibration, decision = found["calibration"], found["decision"]
    if calibration is not None:
        read = module_of("calibration", calibration["choice"]).read
        model = replace(model, calibration=read(calibration))
    if decision is not None:
        model = replace(model, decision=CostDecision.from_json(decision))
    return model


def load(outputs: Outputs) -> TrainedModel:
    """The model of an experiment, whole.

    :raises UserError: if there is none.
    """
    return attached(TrainedModel.load(outputs["model"]), outputs["calibrated"])
