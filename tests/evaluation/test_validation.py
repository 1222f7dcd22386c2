"""The model on the validation part: every metric of the test part, by the same definitions."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from evaluation.conftest import Case, FakeModel, by_centre, classes_case, run, true_model
from plait.data.dataset import Column
from plait.errors import UserError
from plait.evaluation.parts import SetAside
from plait.workspace import Outputs


def with_validation(case: Case, frame: pd.DataFrame) -> Case:
    return dataclasses.replace(case, set_aside=SetAside("val", frame))


def metrics_in(outputs: Outputs) -> dict[str, float]:
    found: dict[str, float] = json.loads(outputs["metrics"].read_text())
    return found


def of_part(metrics: dict[str, float], part: str) -> dict[str, float]:
    return {
        key.removeprefix(f"{part}/"): value
        for key, value in metrics.items()
        if key.startswith(f"{part}/")
    }


def test_the_same_rows_have_the_same_metrics_in_both_parts(linear: Case) -> None:
    run(linear, true_model())
    alone = metrics_in(linear.outputs)
    assert of_part(alone, "validation") == {}
    run(with_validation(linear, linear.test), true_model())
    both = metrics_in(linear.outputs)
    assert of_part(both, "test") == of_part(both, "validation") == of_part(alone, "test") != {}


def test_rows_count_by_their_weights(linear: Case) -> None:
    dataset = dataclasses.replace(
        linear.dataset, columns=(*linear.dataset.columns, Column("weight", "weight", "number"))
    )
    train, test = (
        frame.assign(weight=np.linspace(0.1, 3.0, len(frame)))
        for frame in (linear.train, linear.test)
    )
    weighted = dataclasses.replace(linear, dataset=dataset, train=train, test=test)
    evaluation = run(with_validation(weighted, weighted.test), true_model())
    for name, value in evaluation["validation"]["metrics"].items():
        assert value == evaluation["metrics"][name]["value"]
    alike = weighted.test.assign(weight=1.0)
    other = run(with_validation(weighted, alike), true_model())["validation"]["metrics"]
    assert other["mse"] != evaluation["validation"]["metrics"]["mse"]


def test_what_a_small_part_leaves_undefined_is_no_metric_of_it(outputs: Outputs) -> None:
    case = classes_case(outputs, ("no", "yes"))
    one_class = case.train[case.train.kind == "no"]
    evaluation = run(with_validation(case, one_class), FakeModel(by_centre(2)))
    assert evaluation["validation"]["rows"] == len(one_class)
    assert evaluation["validation"]["metrics"]["roc_auc"] is None
    metrics = metrics_in(outputs)
    assert "validation/roc_auc" not in metrics
    assert {"validation/accuracy", "test/roc_auc"} <= metrics.keys()


def test_a_diverged_model_is_refused_there_too(linear: Case) -> None:
    def formula(frame: pd.DataFrame) -> np.ndarray:
        return np.where(frame.row == 7, np.nan, 1.0)

    with pytest.raises(UserError, match=r"for 1 of 300 held-out rows \(the first: row 7\)"):
        run(with_validation(linear, linear.train), FakeModel(formula))
