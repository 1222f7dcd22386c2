"""Linear regression in closed form, with the same bits on every CPU.

Solved exactly and rounded once (`plait.models.exact_sums`), collinear features included: of
solutions that are equally good, the one of least weights. With ridge, ``ridge * ||w||^2`` is added
to the sum of squares; the bias is free. What is too large for that, such as more than
`plait.models.exact_sums.MOST_FEATURES` inputs, is left to scikit-learn's singular value
decomposition (LAPACK ``gelsd``), whose last bits depend on the CPU.
"""

from typing import TYPE_CHECKING, ClassVar

from plait.models.base import EstimatorSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    import numpy as np
    from sklearn.base import BaseEstimator


class Settings(EstimatorSettings):
    """``model: least_squares``."""

    tasks: ClassVar[tuple[str, ...]] = ("regression",)

    ridge: float = setting("strength of the L2 penalty; 0: none", ge=0)


def build(settings: Settings, shape: Shape, seed: int) -> "BaseEstimator":
    """An estimator of (rows, inputs) to (rows,)."""
    from sklearn.linear_model import LinearRegression, Ridge

    return Ridge(alpha=settings.ridge, solver="svd") if settings.ridge else LinearRegression()


def fit(
    estimator: "BaseEstimator",
    features: "np.ndarray",
    targets: "np.ndarray",
    weights: "np.ndarray | None" = None,
) -> None:
    """Fit in place what `build` built.

    :param weights: how much each row counts, (rows,), which leaves the sums to scikit-learn; None:
        all alike.
    :raises ValueError: for what is no finite number, or has no finite solution.
    """
    import numpy as np
    from sklearn.utils.validation import validate_data

    from plait.models.exact_sums import solve

    features, targets = validate_data(
        estimator, features, targets, y_numeric=True, dtype=np.float64
    )
    solution = None
    if weights is None:
        solution = solve(features, targets, getattr(estimator, "alpha", 0.0))
    if solution is None:
        estimator.fit(features, targets, sample_weight=weights)
        return
    estimator.coef_, estimator.intercept_ = solution.weights, solution.bias
