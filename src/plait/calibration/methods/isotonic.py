"""Isotonic regression: by class the rising step curve that fits frequencies best.

Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates
(KDD 2002): of more than two exclusive classes each one against the rest, then scaled to a sum of 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.calibration.base import CalibrationSettings, Calibrator, columns_of_truth
from plait.errors import UserError
from plait.json_types import Plain, Values, list_at

if TYPE_CHECKING:
    import numpy as np


class Settings(CalibrationSettings):
    """``calibration: isotonic``."""


@dataclass(frozen=True)
class Isotonic(Calibrator):
    """A curve a class, or of two exclusive classes that of the second alone."""

    curves: "tuple[tuple[np.ndarray, np.ndarray], ...]"
    """Probabilities, rising, and what they become, float64, (points,) each; linear between."""
    several: bool
    """Whether a row may have several classes."""

    def __call__(self, probabilities: "np.ndarray") -> "np.ndarray":
        """By the curves; where all classes become 0, each is as likely."""
        import numpy as np

        if len(self.curves) == 1 and not self.several:
            second = np.interp(probabilities[:, 1], *self.curves[0])
            return np.stack([1 - second, second], axis=1)
        each = np.stack(
            [np.interp(probabilities[:, place], *curve) for place, curve in enumerate(self.curves)],
            axis=1,
        )
        if self.several:
            return each
        total = each.sum(axis=1, keepdims=True)
        none = total == 0
        return np.where(none, 1 / each.shape[1], each / np.where(none, 1, total))

    def to_json(self) -> Values:
        """The points of the curves."""
        curves: list[Plain] = [[stated.tolist(), met.tolist()] for stated, met in self.curves]
        return {"curves": curves, "several": self.several}

    def in_words(self) -> str:
        """How many steps there are."""
        points = sum(len(stated) for stated, _ in self.curves)
        return f"isotonic regression, {points} points"


def fit(
    probabilities: "np.ndarray",
    truth: "np.ndarray",
    weights: "np.ndarray",
    classes: Sequence[str],
) -> Isotonic:
    """The curves by scikit-learn; parameters as `CalibrationSettings` has them.

    :raises UserError: for a class that no row has, or every row: its curve would say so of all.
    """
    from sklearn.isotonic import IsotonicRegression

    has = columns_of_truth(truth, len(classes))
    several = truth.ndim == 2
    curves = []
    for place in [1] if len(classes) == 2 and not several else range(len(classes)):
        if has[:, place].all() or not has[:, place].any():
            which = "no" if not has[:, place].any() else "every"
            raise UserError(
                f"calibration: isotonic: {which} row of the calibration part has the class"
                f" {classes[place]!r}; set data.split.calibration higher, data.split.by:"
                " stratified, or choose temperature"
            )
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        curve.fit(probabilities[:, place], has[:, place].astype("float64"), weights)
        curves.append((curve.X_thresholds_, curve.y_thresholds_))
    return Isotonic(tuple(curves), several)


def read(values: Values) -> Isotonic:
    """From plain values."""
    import numpy as np

    curves = []
    for curve in list_at(values, "curves"):
        assert isinstance(curve, list), "`Isotonic.to_json` writes pairs of lists"
        stated, met = (np.asarray(side, np.float64) for side in curve)
        curves.append((stated, met))
    return Isotonic(tuple(curves), bool(values["several"]))
