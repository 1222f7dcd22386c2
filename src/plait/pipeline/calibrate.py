"""Stage `calibrate`: what follows the weights of the trained model, and belongs to it."""

from plait.artifacts import write_json
from plait.config.resolved import Resolved
from plait.pipeline.entry import run_stage
from plait.pipeline.stages import STAGES
from plait.workspace import Outputs, Workspace


def calibrate(workspace: Workspace, resolved: Resolved, outputs: Outputs) -> None:
    """Write ``outputs["calibrated"]``: the calibration of probabilities, and the decision."""
    if resolved.leaves_idle(STAGES["calibrate"]):
        write_json(outputs.mark("calibrated"), {"calibration": None, "decision": None})
        return
    from plait.calibration.attach import save
    from plait.calibration.fit import fit
    from plait.data.dataset import Dataset
    from plait.models.trained import TrainedModel

    model = TrainedModel.load(outputs["model"])
    save(fit(resolved, model, Dataset.read(outputs.data)), outputs.mark("calibrated"))


if __name__ == "__main__":
    run_stage(calibrate)
