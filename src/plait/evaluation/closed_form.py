"""The closed form of least squares, which a linear regression is held against."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.evaluation.entries import Coefficient
from plait.json_types import Values, mapping_at, number_at

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from plait.data.dataset import Dataset

BLOCK_ROWS = 65_536
"""Rows of the design matrix in memory at once."""

BIAS = "(bias)"
"""The name of the intercept among coefficients."""


@dataclass(frozen=True)
class ClosedForm:
    """The least-squares solution on the raw features."""

    coefficients: "dict[str, float]"
    """By feature, and `BIAS`, in raw units."""

    def predict(self, frame: "pd.DataFrame") -> "np.ndarray":
        """Predictions from raw columns, (rows,)."""
        import numpy as np

        prediction = np.full(len(frame), self.coefficients[BIAS])
        for name, coefficient in self.coefficients.items():
            if name != BIAS:
                prediction += coefficient * frame[name].to_numpy(np.float64)
        return prediction


def closed_form(train: "pd.DataFrame", dataset: "Dataset") -> ClosedForm | None:
    """Least squares with an intercept on the raw features of the training part.

    Blocks of rows are folded into one triangular factor (Golub and Van Loan, Matrix Computations,
    5.3: least squares by QR), so that memory does not grow with the rows and the condition number
    is not squared as by the normal equations. Columns are scaled to length 1 before the small
    system is solved; of solutions that are equally good, the shortest is taken.

    :returns: None where a feature is no number or has missing values.
    """
    import numpy as np

    names = [column.name for column in dataset.features]
    if any(column.type != "number" for column in dataset.features):
        return None
    if train[names].isna().to_numpy().any():
        return None
    weights = dataset.weights(train)
    factor = np.empty((0, len(names) + 2))
    for start in range(0, len(train), BLOCK_ROWS):
        block = train.iloc[start : start + BLOCK_ROWS]
        stacked = np.column_stack(
            (
                block[names].to_numpy(np.float64),
                np.ones(len(block)),
                block[dataset.target].to_numpy(np.float64),
            )
        )
        if weights is not None:
            stacked *= np.sqrt(weights[start : start + BLOCK_ROWS, None])
        factor = np.linalg.qr(np.vstack((factor, stacked))).R
    lengths = np.linalg.norm(factor[:, :-1], axis=0)
    lengths[lengths == 0] = 1
    solution, *_ = np.linalg.lstsq(factor[:, :-1] / lengths, factor[:, -1])
    values = (float(value) for value in solution / lengths)
    return ClosedForm(dict(zip((*names, BIAS), values, strict=True)))


def coefficient_table(
    fitted: dict[str, float], solved: ClosedForm | None, facts: Values
) -> list[Coefficient]:
    """A row a coefficient: fitted, of the closed form, and true; None where unknown."""
    given = mapping_at(facts, "coefficients") if "coefficients" in facts else {}
    true = {name: number_at(given, name) for name in given}
    if "bias" in facts:
        true[BIAS] = number_at(facts, "bias")
    closed = solved.coefficients if solved else {}
    return [
        {"name": name, "fitted": value, "closed_form": closed.get(name), "true": true.get(name)}
        for name, value in fitted.items()
    ]
