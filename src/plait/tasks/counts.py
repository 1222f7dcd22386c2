"""Numbers that are counts: nothing below 0."""

from typing import TYPE_CHECKING

from plait.errors import UserError

if TYPE_CHECKING:
    import numpy as np


def refuse_no_counts(targets: "np.ndarray", loss: str) -> None:
    """Refuse targets that a model of counts can't have met.

    Fractions are let pass: counts by time or by area are such.

    :param targets: (rows,), unscaled.
    :param loss: as the user has chosen it, such as ``objective: poisson``.
    :raises UserError: naming the least target and its row, or for targets that are all 0.
    """
    if not targets.any():
        raise UserError(f"{loss} learns the logarithm of a mean, and all targets are 0")
    if targets.min() < 0:
        row = int(targets.argmin())
        raise UserError(
            f"{loss} takes counts, and the target of row {row} of the part is {targets[row]:g};"
            " choose a loss for any number, such as squared_error"
        )
