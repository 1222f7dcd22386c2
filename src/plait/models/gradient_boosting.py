"""Gradient boosting of decision trees over binned features (as LightGBM, Ke et al. 2017)."""

from typing import TYPE_CHECKING, ClassVar

from plait.models.base import EstimatorSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class Settings(EstimatorSettings):
    """``model: gradient_boosting``."""

    trusted: ClassVar[tuple[str, ...]] = (
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    )

    learning_rate: float = setting("learning rate: weight of each new tree", gt=0, le=1)
    max_iter: int = setting("rounds of boosting: a tree each, or a tree for each class", ge=1)
    max_leaf_nodes: int = setting("most leaves of a tree", ge=2)
    min_samples_leaf: int = setting("fewest rows in a leaf", unit="rows", ge=1)
    l2_regularization: float = setting("strength of the L2 penalty on the values of leaves", ge=0)


def build(settings: Settings, shape: Shape, seed: int) -> "BaseEstimator":
    """An estimator of (rows, inputs) to (rows,), or to classes with probabilities."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    scalar = shape.task.scalar
    family = HistGradientBoostingRegressor if scalar else HistGradientBoostingClassifier
    return family(
        learning_rate=settings.learning_rate,
        max_iter=settings.max_iter,
        max_leaf_nodes=settings.max_leaf_nodes,
        min_samples_leaf=settings.min_samples_leaf,
        l2_regularization=settings.l2_regularization,
        early_stopping=False,
        random_state=seed,
    )
