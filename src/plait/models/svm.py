"""A support vector machine; its class probabilities by Platt's sigmoid over held-out scores."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from plait.models.base import EstimatorSettings, Shape
from plait.settings import setting


class Settings(EstimatorSettings):
    """``model: svm``."""

    trusted: ClassVar[tuple[str, ...]] = (
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.model_selection._split.StratifiedKFold",
    )

    kernel: Literal["linear", "poly", "rbf", "sigmoid"] = setting("similarity of two rows")
    C: float = setting("cost of an error; less is smoother", gt=0)
    gamma: Literal["scale", "auto"] | Annotated[float, Field(gt=0)] = setting(
        "reach of a row under rbf, poly, sigmoid"
    )
    epsilon: float = setting("regression: error that costs nothing", unit="of the target", ge=0)


def build(settings: Settings, shape: Shape, seed: int) -> Any:
    """An estimator of (rows, inputs) to (rows,), or to classes with probabilities."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.svm import SVC, SVR

    common = {"kernel": settings.kernel, "C": settings.C, "gamma": settings.gamma}
    if shape.task.scalar:
        return SVR(epsilon=settings.epsilon, **common)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return CalibratedClassifierCV(SVC(random_state=seed, **common), cv=folds, ensemble=False)
