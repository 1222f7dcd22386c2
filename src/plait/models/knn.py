"""The nearest rows of the training part (Cover and Hart 1967), which the model holds."""

from typing import TYPE_CHECKING, ClassVar, Literal

from plait.models.base import EstimatorSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class Settings(EstimatorSettings):
    """``model: knn``."""

    weighted: ClassVar[bool] = False

    neighbors: int = setting("number of nearest training rows that answer", unit="rows", ge=1)
    weights: Literal["uniform", "distance"] = setting(
        "weight of each neighbour; uniform: all alike; distance: by the inverse of how far it is"
    )


def build(settings: Settings, shape: Shape, seed: int) -> "BaseEstimator":
    """An estimator of (rows, inputs) to (rows,), or to classes."""
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    family = KNeighborsRegressor if shape.task.scalar else KNeighborsClassifier
    # A search tree would have to be stored, and is slower from some twenty inputs on.
    return family(settings.neighbors, weights=settings.weights, algorithm="brute")
