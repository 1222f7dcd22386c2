"""What the stages leave, small: two features and a category, forty rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from checkouts import ROOT
from plait.artifacts import write_json
from plait.config.levels import read_yaml
from plait.config.registry import family_of, module_of, settings_of
from plait.data.dataset import Column, Dataset
from plait.data.preprocessing import ColumnPreprocessor, Settings
from plait.models.base import Shape
from plait.models.boosted import BoostedModel
from plait.models.boosting import BoostingLibrary, BoostingRows, Goal, loss_of
from plait.models.trained import TrainedModel
from plait.tasks.registry import task_named
from plait.workspace import Outputs

SETTINGS: dict[str, dict[str, Any]] = {
    "mlp": {"hidden_sizes": [4], "activation": "relu", "dropout": 0.5, "normalization": "batch"},
    "linear": {"bias": True},
    "decision_tree": {"max_depth": 2, "min_samples_leaf": 1},
    "tabm": {"members": 2, "blocks": 1, "width": 4, "dropout": 0.5, "sharing": "tabm"},
} | {
    choice: {**read_yaml(ROOT / f"conf/model/{choice}.yaml"), "rounds": 3}
    for choice in ("catboost", "lightgbm", "xgboost")
}


def frame(rows: int = 40) -> pd.DataFrame:
    """Raw rows, with a missing number."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "row": range(rows),
            "width": random.normal(5, 2, rows),
            "height": random.normal(0, 1, rows),
            "colour": np.where(np.arange(rows) % 2, "red", "blue"),
        }
    )
    table["price"] = 3 * table["width"] + table["height"]
    table["kind"] = np.where(table["price"] > 15, "dear", "cheap")
    table.loc[3, "height"] = np.nan
    return table


def dataset_of(task: str) -> Dataset:
    """The description of `frame`."""
    target = "price" if task == "regression" else "kind"
    return Dataset(
        source="table",
        task=task,
        columns=(
            Column("row", "index", "number"),
            Column("width", "feature", "number"),
            Column("height", "feature", "number"),
            Column("colour", "feature", "category"),
            Column(target, "target", "number" if task == "regression" else "category"),
        ),
        classes=() if task == "regression" else ("cheap", "dear"),
        parts={"train": {"rows": 40, "digest": "a"}, "test": {"rows": 40, "digest": "b"}},
        digest="d" * 64,
        provenance={"name": "things"},
        licence="CC0",
        counts={},
        facts={},
    )


def write_outputs(root: Path, task: str = "regression", model: str = "mlp") -> Outputs:
    """Write everything that `record` reads."""
    outputs = Outputs(root / "data" / "generated" / "line", root / "results" / "line")
    outputs.data.mkdir(parents=True)
    rows, dataset = frame(), dataset_of(task)
    for part in ("train", "test"):
        rows.to_parquet(outputs.data / f"{part}.parquet", index=False)
    dataset.write(outputs.data)
    trained(rows, dataset, model).save(outputs["model"])
    outputs["curves"].write_text(
        "epoch,train/loss,val/loss\n0,1.0,2.0\n1,0.5,\n2,0.25,0.5\n", encoding="utf-8"
    )
    write_json(outputs["metrics"], {"test/mse": 0.25, "test/r2": 0.9})
    outputs["evaluation"].mkdir()
    plots = outputs["plots"]
    plots.mkdir()
    (plots / "residuals.png").write_bytes(b"\x89PNG\r\n")
    rows[["row"]].assign(truth=1.0, prediction=1.5).to_parquet(
        outputs["evaluation"] / "predictions.parquet", index=False
    )
    naive = {"mean": 4.0, "zero": 3.0, "ols": 0.1}
    write_json(
        outputs["evaluation"] / "evaluation.json",
        {
            "primary": "mse",
            "metrics": {
                "mse": {"value": 0.25, "low": 0.2, "high": 0.3, "direction": "minimize"},
                "r2": {"value": 0.9, "low": None, "high": None, "direction": "maximize"},
            },
            "baselines": {
                key: {
                    "naive": key != "ols",
                    "metrics": {"mse": {"value": value}, "r2": {"value": None}},
                }
                for key, value in naive.items()
            },
            "verdict": {"better_than_naive": True, "text": "Better than predicting zero."},
        },
    )
    return outputs


def trained(rows: pd.DataFrame, dataset: Dataset, choice: str) -> TrainedModel:
    """A model of the choice: a network as it is initialised, an estimator or trees fitted."""
    defaults = read_yaml(ROOT / "conf/config.yaml")["preprocessing"]
    assert isinstance(defaults, dict)
    settings = Settings.model_validate({**defaults, "target_scaling": "standard"})
    preprocessor = ColumnPreprocessor.fit(rows, dataset, settings)
    shape = Shape(
        task_named(dataset.task), len(preprocessor.input_names), max(1, len(dataset.classes))
    )
    module, cls = module_of("model", choice), settings_of("model", choice)
    if family_of(choice).by_gradient:
        import torch

        torch.manual_seed(0)
        fitted = module.build(cls(**SETTINGS[choice]), shape).eval()
    elif family_of(choice).in_rounds:
        fitted = boosted(module.LIBRARY, cls(**SETTINGS[choice]), preprocessor, rows, shape)
    else:
        target = preprocessor.target.encode(rows)
        fitted = module.build(cls(**SETTINGS[choice]), shape, 0)
        fitted.fit(preprocessor.transform(rows), target)
    return TrainedModel(
        choice, SETTINGS[choice], dataset.task, dataset.classes, preprocessor, fitted
    )


def boosted(
    library: BoostingLibrary[Any, Any],
    settings: Any,
    preprocessor: ColumnPreprocessor,
    rows: pd.DataFrame,
    shape: Shape,
) -> BoostedModel:
    """Trees that are fitted to all rows."""
    classes = () if shape.task.scalar else tuple(range(shape.outputs))
    loss = loss_of(settings, len(classes))
    trees = library.fit(
        settings,
        Goal(loss, 0.5, shape.outputs, (0,) * shape.inputs, 0, 1, False),
        BoostingRows(preprocessor.transform(rows), preprocessor.target.encode(rows), None),
        None,
        lambda train_loss, val_loss: False,
    )
    return BoostedModel(library, trees, classes, loss)
