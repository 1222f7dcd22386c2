"""Linear regression in closed form.

Without ridge by a singular value decomposition (LAPACK ``gelsd``), which is stable for collinear
features; with ridge, ``ridge * ||w||^2`` is added to the sum of squares; the bias is free.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from plait.models.kinds import EstimatorSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from plait.data.dataset import Task


class Settings(EstimatorSettings):
    """``model: least_squares``."""

    tasks: ClassVar[tuple["Task", ...]] = ("regression",)

    ridge: float = setting("strength of the L2 penalty; 0: none", ge=0)


def build(settings: Settings, shape: Shape, seed: int) -> Any:
    """An estimator of (rows, inputs) to (rows,)."""
    from sklearn.linear_model import LinearRegression, Ridge

    return Ridge(alpha=settings.ridge, solver="svd") if settings.ridge else LinearRegression()
