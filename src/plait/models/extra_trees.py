"""A forest of trees that divide at random places (Geurts, Ernst and Wehenkel 2006)."""

from typing import TYPE_CHECKING

from plait.models.base import Shape
from plait.models.forests import ForestSettings, forest

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class Settings(ForestSettings):
    """``model: extra_trees``."""


def build(settings: Settings, shape: Shape, seed: int) -> "BaseEstimator":
    """An estimator of (rows, inputs) to (rows,), or to classes."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    family = ExtraTreesRegressor if shape.task.scalar else ExtraTreesClassifier
    return forest(family, settings, seed)
