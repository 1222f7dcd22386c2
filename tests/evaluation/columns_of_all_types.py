"""A table with a column of each type, and models on its inputs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkouts import ROOT
from plait.config.levels import read_yaml
from plait.data.dataset import Column
from plait.data.preprocessing import ColumnPreprocessor, Settings
from plait.evaluation.encoded import EncodedRows
from plait.evaluation.intervals import Resampling
from plait.evaluation.settings import ImportanceSettings
from plait.evaluation.task import Assessment

from .conftest import FakeModel, describe

FEATURES = (
    Column("size", "feature", "number", "m²"),
    Column("copy", "feature", "number"),
    Column("city", "feature", "category"),
    Column("built", "feature", "date"),
    Column("noise", "feature", "number"),
)
DATASET = describe(
    "regression", [Column("row", "index", "number"), *FEATURES, Column("price", "target", "number")]
)
EFFECT = {"Bonn": 0.0, "Köln": 4.0, "Ulm": -4.0}


@dataclass(frozen=True)
class OnInputs(FakeModel):
    """A model that answers by a formula of its inputs."""

    preprocessor: ColumnPreprocessor | None = None  # type: ignore[assignment]

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        assert self.preprocessor is not None
        return self.formula(self.preprocessor.transform(frame))


def rows(count: int = 240) -> pd.DataFrame:
    """price = 3 size + effect of the city + noise of 0.1; every tenth size is missing."""
    generator = np.random.default_rng(7)
    size = generator.normal(size=count)
    city = generator.choice(list(EFFECT), p=[0.5, 0.3, 0.2], size=count)
    price = 3 * size + np.array([EFFECT[each] for each in city])
    return pd.DataFrame(
        {
            "row": np.arange(count),
            "size": np.where(np.arange(count) % 10 == 9, np.nan, size),
            "copy": size + 0.1 * generator.normal(size=count),
            "city": city,
            "built": pd.Timestamp("2001-01-01") + pd.to_timedelta(np.arange(count) * 9, "D"),
            "noise": generator.normal(size=count),
            "price": price + 0.1 * generator.normal(size=count),
        }
    )


def fitted(frame: pd.DataFrame) -> ColumnPreprocessor:
    settings = Settings(**read_yaml(ROOT / "conf/config.yaml")["preprocessing"])
    return ColumnPreprocessor.fit(frame, DATASET, settings)


def least_squares(frame: pd.DataFrame) -> OnInputs:
    """The solution on all inputs but those of ``copy`` and ``noise``, which it does not look at."""
    preprocessor = fitted(frame)
    seen = np.array([not name.startswith(("copy", "noise")) for name in preprocessor.input_names])
    inputs = np.column_stack([preprocessor.transform(frame) * seen, np.ones(len(frame))])
    weights = np.linalg.lstsq(inputs, frame["price"].to_numpy())[0]
    return OnInputs(lambda given: given @ weights[:-1] + weights[-1], preprocessor=preprocessor)


def by(formula: Callable[[np.ndarray], np.ndarray], frame: pd.DataFrame) -> OnInputs:
    """A model whose formula is of the scaled inputs."""
    return OnInputs(formula, preprocessor=fitted(frame))


def assess(
    model: OnInputs, frame: pd.DataFrame, unit: np.ndarray | None = None
) -> tuple[EncodedRows, Assessment]:
    """The rows as inputs, and as evaluation has them."""
    encoded = EncodedRows.of(model, frame)  # type: ignore[arg-type]
    assert encoded is not None
    truth = frame["price"].to_numpy()
    resampling = Resampling(100, 20_000, 0.95, 0)
    return encoded, Assessment(truth, model.predict(frame), frame, DATASET, resampling, unit)


def settings(**changes: int) -> ImportanceSettings:
    values = {"repeats": 3, "max_rows": 1000, "max_columns": 50}
    return ImportanceSettings(**{**values, **changes})
