"""Stage `train`: the training part into a model and its curves, recorded live."""

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.pipeline.entry import run_stage
from plait.workspace import Outputs, Workspace

if TYPE_CHECKING:
    from plait.training.job import Observe


def train(
    workspace: Workspace,
    resolved: Resolved,
    outputs: Outputs,
    watch: "Observe | None" = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write ``outputs["model"]`` and ``outputs["curves"]``.

    :param watch: told of every epoch once it is recorded; what it raises ends the training.
    :param tags: of the run, beside its own.
    """
    from plait.data.dataset import Dataset, read_part
    from plait.data.folds import read_folds
    from plait.proof.stage import confirm, settle
    from plait.tracking.live.live import LiveRun
    from plait.training.curves import write_curves
    from plait.training.fit import fit, prepare

    dataset = Dataset.read(outputs.data)
    train_part, val_part = read_part(outputs.data, "train"), read_part(outputs.data, "val")
    if train_part is None:
        raise UserError(f"{resolved.name}: data/generated has no training part; run `dvc repro`")
    folds = read_folds(outputs.data)
    settle()
    checkpoints = workspace.checkpoints(resolved.identity)
    pretrained = outputs["pretrained"]
    with LiveRun(workspace, resolved, prepare(resolved), tags) as run:

        def observe(epoch: int, values: dict[str, float]) -> None:
            run.epoch(epoch, values)
            if watch is not None:
                watch(epoch, values)

        model, curves = fit(
            resolved,
            dataset,
            train_part,
            val_part,
            checkpoints=checkpoints,
            observe=observe,
            # Where stage `pretrain` had nothing to do, it holds no model.
            base=pretrained if (pretrained / "config.json").exists() else None,
            folds=folds,
        )
        shutil.rmtree(outputs["model"], ignore_errors=True)
        model.save(outputs["model"])
        write_curves(outputs["curves"], curves)
        # Within, so that the run of a training that is refused says so; its checkpoints stay.
        confirm()
    shutil.rmtree(checkpoints, ignore_errors=True)


if __name__ == "__main__":
    run_stage(train)
