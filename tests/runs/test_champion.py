"""The gate before the champion."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.conftest import (
    Case,
    FakeModel,
    by_centre,
    classes_case,
    constant,
    linear_case,
    market_case,
    run,
    settings,
    true_model,
)
from plait.evaluation.paired import Measured, compare, same_rows
from plait.evaluation.settings import Resamples
from plait.runs.promote.champion import Judgement, against_champion, against_naive
from plait.workspace import Outputs

Formula = Callable[[pd.DataFrame], np.ndarray]


def measured(case: Case, model: FakeModel, **changes: Any) -> Measured:
    """What evaluation leaves of a model."""
    evaluation = run(case, model, **changes)
    return Measured(evaluation, pd.read_parquet(case.outputs["evaluation"] / "predictions.parquet"))


def judged(model: Measured, champion: Measured) -> Judgement:
    return against_champion(model, champion, "the champion", settings())


def off_by(distance: float) -> FakeModel:
    """The true line, shifted."""
    return FakeModel(lambda frame: 3 * frame.x0 - 2 * frame.x1 + 5 + distance)


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "data", tmp_path / "results")


@pytest.fixture
def line(outputs: Outputs) -> Case:
    return linear_case(outputs)


@pytest.mark.slow
def test_a_model_that_beats_no_naive_answer_is_refused(line: Case) -> None:
    refused = against_naive(measured(line, constant(100.0)))
    assert refused.beaten == ()
    assert refused.refusals[0].startswith("Not better than predicting the training mean.")
    passed = against_naive(measured(line, true_model()))
    assert passed == Judgement(("Better than predicting the training mean.",), ())


def test_a_better_model_passes_and_says_by_how_much(line: Case) -> None:
    judgement = judged(measured(line, true_model()), measured(line, off_by(1.0)))
    assert judgement.refusals == ()
    (sentence,) = judgement.beaten
    assert sentence.startswith("MSE is 0.2")
    assert " of the champion; the 95% interval of the difference, −" in sentence
    assert sentence.endswith("leaves no doubt.")


@pytest.mark.slow
def test_a_difference_that_may_be_chance_is_refused(line: Case) -> None:
    better = judged(measured(line, true_model()), measured(line, off_by(0.01)))
    assert better.beaten == ()
    assert better.refusals[0].endswith("includes zero, so that may be chance.")
    same = measured(line, true_model())
    assert "difference, 0 to 0, includes zero" in judged(same, same).refusals[0]


def test_a_worse_model_is_refused(line: Case) -> None:
    judgement = judged(measured(line, off_by(1.0)), measured(line, true_model()))
    assert judgement.refusals[0].endswith("says that the model is worse.")


@pytest.mark.slow
def test_models_tested_on_other_rows_are_not_compared(line: Case) -> None:
    model = measured(line, true_model())
    others = {
        "fewer rows": Case(line.dataset, line.train, line.test.head(50), line.outputs),
        "other rows": Case(line.dataset, line.train, line.train.head(120), line.outputs),
        "other answers": Case(
            line.dataset, line.train, line.test.assign(y=line.test.y + 1e-9), line.outputs
        ),
    }
    for case in others.values():
        champion = measured(case, constant(0.0))
        assert not same_rows(model, champion)
        (sentence,) = judged(model, champion).refusals
        assert "cannot be compared with the champion, which was tested on other data" in sentence
    fewer = judged(model, measured(others["fewer rows"], constant(0.0)))
    assert "(120 rows here, 50 there)" in fewer.refusals[0]


@pytest.mark.slow
def test_another_task_is_not_compared(line: Case) -> None:
    classes = measured(classes_case(line.outputs, ("a", "b")), FakeModel(by_centre(2)))
    assert not same_rows(classes, measured(line, true_model()))
    assert judged(classes, measured(line, true_model())).refusals


@pytest.mark.slow
@pytest.mark.parametrize("key", ["zero", "naive"])
def test_a_champion_is_judged_as_a_baseline_is_that_answers_alike(
    outputs: Outputs, key: str
) -> None:
    """Days are drawn whole again, by the same seed: the very same interval."""
    answers: dict[str, Formula] = {
        "zero": lambda frame: np.zeros(len(frame)),
        "naive": lambda frame: frame.yesterday.to_numpy(),
    }
    market = market_case(outputs)
    model = measured(market, FakeModel(lambda frame: 0.001 * frame.signal.to_numpy()))
    champion = measured(market, FakeModel(answers[key]))
    assert model.unit is not None
    found = compare(model, champion, settings())
    baseline = model.evaluation["baselines"][key]
    assert found.difference == baseline["difference"]
    assert found.other == pytest.approx(baseline["metrics"]["mse"]["value"], rel=1e-7)


@pytest.mark.slow
def test_so_it_is_with_classes(outputs: Outputs) -> None:
    case = classes_case(outputs, ("red", "green", "blue"))
    model = measured(case, FakeModel(by_centre(3)))
    frequencies = case.train["kind"].value_counts(normalize=True)
    row = [frequencies[label] for label in case.dataset.classes]
    champion = measured(case, FakeModel(lambda frame: np.tile(row, (len(frame), 1))))
    found = compare(model, champion, settings())
    assert found.difference == model.evaluation["baselines"]["majority"]["difference"]
    assert found.title == "Accuracy"
    assert judged(model, champion).beaten
    assert not judged(champion, model).beaten


def test_a_run_that_was_recorded_before_a_key_came_is_compared_all_the_same() -> None:
    recorded = settings().model_dump()
    del recorded["importance"]
    assert Resamples.among(recorded).resamples == settings().resamples
