"""Stage `evaluate`: the held-out part into metrics, intervals, baselines and plots."""

from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.pipeline.entry import run_stage
from plait.workspace import Outputs, Workspace


def evaluate(workspace: Workspace, resolved: Resolved, outputs: Outputs) -> None:
    """Write ``outputs["metrics"]`` and ``outputs["evaluation"]``."""
    import pandas as pd

    from plait.calibration.attach import load
    from plait.data.dataset import Dataset, read_part
    from plait.data.folds import read_folds
    from plait.evaluation.evaluate import evaluate as evaluate_model
    from plait.evaluation.parts import Parts, read_set_aside
    from plait.evaluation.settings import Settings

    train_part, test_part = read_part(outputs.data, "train"), read_part(outputs.data, "test")
    if train_part is None or test_part is None:
        raise UserError(
            f"{resolved.name}: evaluation needs a test part; set data.split.test above 0"
        )
    evaluate_model(
        load(outputs),
        Parts(train_part, test_part, read_set_aside(outputs.data), read_folds(outputs.data)),
        Dataset.read(outputs.data),
        Settings.model_validate(resolved.section("evaluation")),
        outputs,
        pd.read_csv(outputs["curves"]),
    )


if __name__ == "__main__":
    run_stage(evaluate)
