"""The numbers of a run, as they are recorded: from what the stages left."""

import csv
import re
from pathlib import Path

from plait.evaluation.entries import Evaluation
from plait.tracking.record.points import Row
from plait.tracking.sections import BASELINE, FOLD, MEMBER
from plait.workspace import Outputs


def curve_rows(path: Path, at: int) -> list[Row]:
    """The epochs of ``curves.csv``; an empty cell is no value."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                int(line["epoch"]),
                at,
                {key: float(line[key]) for key in line if key != "epoch" and line[key] != ""},
            )
            for line in csv.DictReader(file)
        ]


def pretraining_rows(outputs: Outputs, at: int) -> list[Row]:
    """The epochs of stage `pretrain`, if it trained: ``pretraining/train_loss`` and the like."""
    path = outputs["pretrained"] / "curves.csv"
    if not path.exists():
        return []
    return [
        Row(
            row.step,
            at,
            {f"pretraining/{key.replace('/', '_')}": value for key, value in row.values.items()},
        )
        for row in curve_rows(path, at)
    ]


def final_values(metrics: dict[str, float], evaluation: Evaluation) -> dict[str, float]:
    """The metrics; of the test part also their intervals, and the baselines; and those of folds.

    Of the naive ones the best at each metric, of the others the main metric.
    """
    values = dict(metrics)
    for name, entry in evaluation["metrics"].items():
        for bound, end in (("low", entry["low"]), ("high", entry["high"])):
            if end is not None:
                values[f"test_interval/{name}_{bound}"] = end
        naive = [
            reached
            for other in evaluation["baselines"].values()
            if other["naive"]
            and name in other["metrics"]
            and (reached := other["metrics"][name]["value"]) is not None
        ]
        if naive:
            best = min if entry["direction"] == "minimize" else max
            values[f"test_naive/{name}"] = best(naive)
    for name, other in evaluation["baselines"].items():
        reached = other["metrics"][evaluation["primary"]]["value"]
        if not other["naive"] and reached is not None:
            values[f"{BASELINE}/{name}"] = reached
    for number, member in enumerate(evaluation.get("members") or [], start=1):
        reached = member["metrics"][evaluation["primary"]]["value"]
        if reached is not None:
            values[f"{MEMBER}/{number}"] = reached
    validated = evaluation.get("cross_validation")
    for number, fold in enumerate(validated["members"] if validated else (), start=1):
        reached = fold["metrics"][evaluation["primary"]]
        if reached is not None:
            values[f"{FOLD}/{number}"] = reached
    sizes = evaluation.get("sizes") or {}
    for key in ("trained_parameters", "parameters", "saved_bytes"):
        if key in sizes:
            values[f"model/{key}"] = sizes[key]
    for part, share in sizes.get("truncated", {}).items():
        values[f"model/truncated_{part}"] = share
    return {metric_name(key): float(value) for key, value in values.items()}


def metric_name(key: str) -> str:
    """``key`` without what MLflow refuses in a name; the label of a class may hold anything."""
    return re.sub(r"[^\w\-./: ]", "_", key)
