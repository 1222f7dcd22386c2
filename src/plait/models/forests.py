"""What forests of trees have in common."""

from typing import TYPE_CHECKING, ClassVar

from plait.models.base import EstimatorSettings
from plait.settings import setting

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class ForestSettings(EstimatorSettings):
    """Of a choice that averages many trees."""

    trusted: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)

    trees: int = setting("number of trees", unit="trees", ge=1)
    max_depth: int | None = setting("largest depth of each tree; null: no limit", ge=1)
    min_samples_leaf: int = setting("fewest rows in a leaf", unit="rows", ge=1)
    max_features: float = setting(
        "share of the inputs, drawn for each division, that it chooses from", gt=0, le=1
    )


def forest(family: "type[BaseEstimator]", settings: ForestSettings, seed: int) -> "BaseEstimator":
    """An estimator of scikit-learn's families of forests."""
    return family(
        n_estimators=settings.trees,
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_samples_leaf,
        max_features=settings.max_features,
        random_state=seed,
    )
