"""Stage `train`: the training part into a model and its curves, recorded live."""

from plait.artifacts import Outputs, Workspace
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset, read_part
from plait.errors import UserError
from plait.stages.entry import run_stage
from plait.tracking.live import LiveRun
from plait.training.curves import write_curves
from plait.training.fit import fit, prepare


def train(workspace: Workspace, resolved: Resolved, outputs: Outputs) -> None:
    """Write ``outputs.model`` and ``outputs.curves``."""
    dataset = Dataset.read(outputs.data)
    train_part, val_part = read_part(outputs.data, "train"), read_part(outputs.data, "val")
    if train_part is None:
        raise UserError(f"{resolved.name}: data/generated has no training part; run `dvc repro`")
    with LiveRun(workspace, resolved, prepare(resolved)) as run:
        model, curves = fit(
            resolved,
            dataset,
            train_part,
            val_part,
            checkpoints=workspace.scratch / "checkpoints" / resolved.identity,
            observe=run.epoch,
        )
        model.save(outputs.model)
        write_curves(outputs.curves, curves)


if __name__ == "__main__":
    run_stage(train)
