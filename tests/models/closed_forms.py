"""What the closed form makes of some numbers, whose bits are compared between CPUs."""

from pathlib import Path

import numpy as np

from plait.models import estimators
from plait.models.base import Shape
from plait.models.least_squares import Settings, build, fit
from plait.tasks.regression.learning import TASK as REGRESSION


def told(folder: Path) -> list[str]:
    """Files and predictions of fits; in the last line, what LAPACK makes of the same numbers."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(500, 40))
    targets = features.sum(axis=1) + generator.normal(size=500)
    shape = Shape(REGRESSION, 40, 1)
    lines = []
    for ridge in (0.0, 0.1):
        estimator = build(Settings(ridge=ridge), shape, 0)
        fit(estimator, features, targets)
        estimators.FAMILY.save(estimator, folder)
        lines.append((folder / estimators.ESTIMATOR).read_bytes().hex())
        lines.append(estimators.FAMILY.predict(estimator, features, shape).tobytes().hex())
    return [*lines, np.linalg.lstsq(features, targets)[0].tobytes().hex()]
