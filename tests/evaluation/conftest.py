"""Small data sets and models with the methods that evaluation uses."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plait.data.dataset import Column, Dataset
from plait.evaluation.evaluate import evaluate
from plait.evaluation.parts import Parts, SetAside
from plait.evaluation.settings import Settings
from plait.tasks.regression.learning import TASK as REGRESSION
from plait.workspace import Outputs


@dataclass(frozen=True)
class FakeModel:
    """A model that answers by a formula."""

    formula: Callable[[pd.DataFrame], np.ndarray]
    fitted_coefficients: dict[str, float] | None = None
    others: tuple["FakeModel", ...] = ()
    """Further members of an ensemble."""
    preprocessor: None = None
    calibration: None = None
    decision: Any = None

    def average(self, predictions: list[np.ndarray]) -> np.ndarray:
        return REGRESSION.average(predictions)

    @property
    def members(self) -> tuple["FakeModel", ...]:
        return (self, *self.others)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self.formula(frame)

    def coefficients(self) -> dict[str, float] | None:
        return self.fitted_coefficients


@dataclass(frozen=True)
class Case:
    """A data set, its parts, and where results go."""

    dataset: Dataset
    train: pd.DataFrame
    test: pd.DataFrame
    outputs: Outputs
    set_aside: SetAside | None = None


CURVES = pd.DataFrame({"epoch": range(5), "train/loss": [9.0, 3, 1, 0.5, 0.1]})
ONE_EPOCH = pd.DataFrame({"epoch": [0], "train/loss": [0.5]})
TRUE = {"x0": 3.0, "x1": -2.0}


DRAWN = {"draw": True, "dpi": 50, "width": 6.4, "height": 4.0, "max_points": 200}
"""The settings of plots, with plots."""


def settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "metrics": None,
        "resamples": 40,
        "max_bootstrap_rows": 20_000,
        "confidence_level": 0.95,
        "seed": 0,
        "importance": {"repeats": 3, "max_rows": 200, "max_columns": 50},
        "partial_dependence": 3,
        # They have tests of their own and take most of the time.
        "plots": {**DRAWN, "draw": False},
    }
    return Settings(**{**values, **changes})


def describe(task: str, columns: list[Column], **more: Any) -> Dataset:
    values: dict[str, Any] = {
        "source": "planted",
        "task": task,
        "columns": tuple(columns),
        "classes": (),
        "parts": {"train": {"rows": 300, "digest": "a"}, "test": {"rows": 120, "digest": "b"}},
        "digest": "c",
        "provenance": {"name": "made up", "origin": "a seeded generator"},
        "licence": "CC0-1.0",
        "counts": {},
        "facts": {},
    }
    return Dataset(**{**values, **more})


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "data", tmp_path / "results")


@pytest.fixture
def linear(outputs: Outputs) -> Case:
    return linear_case(outputs)


def linear_case(outputs: Outputs) -> Case:
    """y = 3 x0 - 2 x1 + 5 + noise of standard deviation 0.5."""
    generator = np.random.default_rng(1)
    frame = pd.DataFrame(generator.normal(size=(420, 2)), columns=["x0", "x1"])
    frame["y"] = 3 * frame.x0 - 2 * frame.x1 + 5 + generator.normal(scale=0.5, size=420)
    frame["row"] = np.arange(420)
    columns = [
        Column("row", "index", "number"),
        Column("x0", "feature", "number"),
        Column("x1", "feature", "number"),
        Column("y", "target", "number", "metres"),
    ]
    dataset = describe("regression", columns, facts={"coefficients": TRUE, "bias": 5.0})
    return Case(dataset, frame.iloc[:300], frame.iloc[300:], outputs)


@pytest.fixture
def market(outputs: Outputs) -> Case:
    return market_case(outputs)


def market_case(outputs: Outputs) -> Case:
    """Three tickers of pure noise: nothing can be predicted."""
    generator = np.random.default_rng(2)
    frames = []
    for ticker in ("AAA", "BBB", "CCC"):
        returns = generator.normal(scale=0.01, size=202)
        frames.append(
            pd.DataFrame(
                {
                    "date": pd.bdate_range("2010-01-04", periods=200),
                    "ticker": ticker,
                    "close": 100 * np.exp(np.cumsum(returns))[:200],
                    "yesterday": returns[:200],
                    "signal": generator.normal(size=200),
                    "y": returns[1:201],
                }
            )
        )
    frame = pd.concat(frames).sort_values(["date", "ticker"], ignore_index=True)
    frame["row"] = np.arange(600)
    columns = [
        Column("row", "index", "number"),
        Column("date", "time", "date"),
        Column("ticker", "group", "category"),
        Column("close", "extra", "number", "dollars"),
        Column("yesterday", "extra", "number"),
        Column("signal", "feature", "number"),
        Column("y", "target", "number", "return a day"),
    ]
    dataset = describe("regression", columns, facts={"naive_column": "yesterday"})
    return Case(dataset, frame.iloc[:300], frame.iloc[300:], outputs)


def classes_case(outputs: Outputs, classes: tuple[str, ...], rows: int = 420) -> Case:
    """A class is the nearest of as many centres on a circle, blurred."""
    generator = np.random.default_rng(3)
    number = generator.choice(len(classes), p=_falling(len(classes)), size=rows)
    angle = 2 * np.pi * number / len(classes)
    frame = pd.DataFrame(
        {
            "row": np.arange(rows),
            "x0": np.cos(angle) + generator.normal(scale=0.5, size=rows),
            "x1": np.sin(angle) + generator.normal(scale=0.5, size=rows),
            "kind": np.array(classes, dtype=object)[number],
        }
    )
    columns = [
        Column("row", "index", "number"),
        Column("x0", "feature", "number"),
        Column("x1", "feature", "number"),
        Column("kind", "target", "category"),
    ]
    dataset = describe("classification", columns, classes=classes)
    cut = rows * 5 // 7
    return Case(dataset, frame.iloc[:cut], frame.iloc[cut:], outputs)


def by_centre(classes: int) -> Callable[[pd.DataFrame], np.ndarray]:
    """Probabilities from the distances to the centres of `classes_case`."""
    angle = 2 * np.pi * np.arange(classes) / classes

    def formula(frame: pd.DataFrame) -> np.ndarray:
        x0, x1 = frame.x0.to_numpy()[:, None], frame.x1.to_numpy()[:, None]
        distance = (x0 - np.cos(angle)) ** 2 + (x1 - np.sin(angle)) ** 2
        scores = np.exp(-2 * distance)
        return scores / scores.sum(axis=1, keepdims=True)

    return formula


def _falling(classes: int) -> np.ndarray:
    weights = np.arange(classes, 0, -1) + 1.0
    return weights / weights.sum()


def run(case: Case, model: FakeModel, curves: pd.DataFrame = ONE_EPOCH, **changes: Any) -> Any:
    return evaluate(
        model,  # type: ignore[arg-type]
        Parts(case.train, case.test, () if case.set_aside is None else (case.set_aside,)),
        case.dataset,
        settings(**changes),
        case.outputs,
        curves,
    )


def true_model() -> FakeModel:
    return FakeModel(
        lambda frame: 3 * frame.x0.to_numpy() - 2 * frame.x1.to_numpy() + 5,
        {"x0": 3.0, "x1": -2.0, "(bias)": 5.0},
    )


def constant(value: float) -> FakeModel:
    return FakeModel(lambda frame: np.full(len(frame), value))
