"""A support vector machine; its class probabilities by Platt's sigmoid over held-out scores."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from plait.models.base import EstimatorSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class Settings(EstimatorSettings):
    """``model: svm``."""

    trusted: ClassVar[tuple[str, ...]] = (
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.model_selection._split.StratifiedKFold",
    )

    kernel: Literal["linear", "poly", "rbf", "sigmoid"] = setting(
        "kernel: the function that measures how alike two rows are"
    )
    C: float = setting(
        "inverse strength of the L2 penalty; a smaller one makes a smoother model", gt=0
    )
    gamma: Literal["scale", "auto"] | Annotated[float, Field(gt=0)] = setting(
        "coefficient of the kernels rbf, poly and sigmoid; larger: rows reach less far"
    )
    epsilon: float = setting(
        "largest error of a regression that costs nothing", unit="of the target", ge=0
    )


def build(settings: Settings, shape: Shape, seed: int) -> "BaseEstimator":
    """An estimator of (rows, inputs) to (rows,), or to classes with probabilities."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.svm import SVC, SVR

    common = {"kernel": settings.kernel, "C": settings.C, "gamma": settings.gamma}
    if shape.task.scalar:
        return SVR(epsilon=settings.epsilon, **common)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return CalibratedClassifierCV(SVC(random_state=seed, **common), cv=folds, ensemble=False)
