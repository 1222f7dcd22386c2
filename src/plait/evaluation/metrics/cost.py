"""What answers cost, where ``decision.costs`` says so."""

from typing import TYPE_CHECKING

from plait.evaluation.metrics import metric

if TYPE_CHECKING:
    import numpy as np


def row_costs(truth: "np.ndarray", costs: "np.ndarray") -> "np.ndarray":
    """What the answer to each row costs, (rows,).

    :param costs: float64, (rows, classes): what it costs if a class is so.
    """
    import numpy as np

    of_rows: np.ndarray = costs[np.arange(len(truth)), truth]
    return of_rows


@metric(
    task="classification",
    direction="minimize",
    title="Mean cost",
    of_rows=row_costs,
    takes="costs",
)
def mean_cost(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean over rows of what their answers cost; see `row_costs`."""
    import numpy as np

    return float(np.average(row_costs(truth, prediction), weights=weights))
