"""A decision tree (CART, Breiman et al. 1984)."""

from typing import TYPE_CHECKING, ClassVar

from plait.models.base import EstimatorSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class Settings(EstimatorSettings):
    """``model: decision_tree``."""

    trusted: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)

    max_depth: int | None = setting("largest depth of the tree; null: no limit", ge=1)
    min_samples_leaf: int = setting("fewest rows in a leaf", unit="rows", ge=1)


def build(settings: Settings, shape: Shape, seed: int) -> "BaseEstimator":
    """An estimator of (rows, inputs) to (rows,), or to classes."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    family = DecisionTreeRegressor if shape.task.scalar else DecisionTreeClassifier
    return family(
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_samples_leaf,
        random_state=seed,
    )
