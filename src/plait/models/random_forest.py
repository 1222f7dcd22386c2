"""A forest of trees on samples of the rows (Breiman 2001)."""

from typing import TYPE_CHECKING

from plait.models.base import Shape
from plait.models.forests import ForestSettings, forest

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class Settings(ForestSettings):
    """``model: random_forest``."""


def build(settings: Settings, shape: Shape, seed: int) -> "BaseEstimator":
    """An estimator of (rows, inputs) to (rows,), or to classes."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    family = RandomForestRegressor if shape.task.scalar else RandomForestClassifier
    return forest(family, settings, seed)
