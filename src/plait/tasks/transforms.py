"""What a model learns in place of a positive target: its logarithm, or its Box-Cox transform.

(x^e - 1) / e, and the logarithm at e = 0 (Box and Cox 1964, An analysis of transformations).
Undone, the mean of what was learnt is no mean of the target, but where errors are symmetric after
the transform, its median.
"""

from typing import TYPE_CHECKING, Literal

from plait.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Transform = Literal["none", "log", "box_cox"]

LARGEST = 2.0
"""Of the exponents that are looked at, from 0 on: below, predictions could not be undone that are a
little larger than any target.
"""


def exponent_of(target: "pd.Series", transform: Transform) -> float | None:
    """The exponent; None: no transform.

    :param target: of the training part.
    :raises UserError: as `transformed` does, or for a target that is the same in every row.
    """
    if transform == "none":
        return None
    transformed(target, 0.0)
    if transform == "log":
        return 0.0
    from scipy.optimize import minimize_scalar
    from scipy.stats import boxcox_llf

    numbers = target.to_numpy("float64")
    if numbers.min() == numbers.max():
        raise UserError(
            f"target {target.name!r} is {numbers[0]:g} in every training row, so no exponent is"
            " likelier than another; set preprocessing.target_transform to none"
        )
    found = minimize_scalar(
        lambda exponent: -boxcox_llf(exponent, numbers), bounds=(0.0, LARGEST), method="bounded"
    )
    return float(found.x)


def transformed(target: "pd.Series", exponent: float) -> "np.ndarray":
    """The target as it is learnt, float64, (rows,).

    :raises UserError: naming the first value that is not above 0.
    """
    import numpy as np

    bad = target[target <= 0]
    if len(bad):
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise UserError(
            f"target {target.name!r}, row {bad.index[0]}: {bad.iloc[0]:g}{more} is not above 0, and"
            " preprocessing.target_transform takes its logarithm or power; set it to none"
        )
    logarithms: np.ndarray = np.log(target.to_numpy(np.float64))
    if exponent == 0:
        return logarithms
    power: np.ndarray = np.expm1(exponent * logarithms) / exponent
    return power


def undone(learnt: "np.ndarray", exponent: float) -> "np.ndarray":
    """The inverse of `transformed`; 0 for what is less than any target becomes.

    :param learnt: float64, (rows,).
    """
    import numpy as np

    logarithms: np.ndarray = learnt
    if exponent != 0:
        with np.errstate(divide="ignore"):  # The logarithm of 0, whose exponential is 0.
            logarithms = np.log1p(np.maximum(exponent * learnt, -1.0)) / exponent
    target: np.ndarray = np.exp(logarithms)
    return target
