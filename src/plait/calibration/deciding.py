"""Answers by what wrong ones cost.

Of two classes by a threshold, found on rows; of more, by probabilities taken at their word, the
answer of the lowest expected cost (Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.json_types import Values, list_at

if TYPE_CHECKING:
    import numpy as np

NEVER = 1.5
"""The threshold that no probability reaches."""


@dataclass(frozen=True)
class CostDecision:
    """How answers are made of probabilities."""

    costs: "np.ndarray"
    """Float64, (classes, classes): of the class that is so, in rows, answered as another."""
    threshold: float | None
    """Of two classes: the probability of the second from which on it is the answer."""

    def numbers(self, probabilities: "np.ndarray") -> "np.ndarray":
        """The classes that are answered, by their numbers, int64, (rows,).

        :param probabilities: float64, (rows, classes).
        """
        import numpy as np

        if self.threshold is not None:
            return (probabilities[:, 1] >= self.threshold).astype(np.int64)
        # No BLAS, which rounds by how many rows there are.
        expected = np.einsum("rs,sa->ra", probabilities, self.costs, optimize=False)
        said: np.ndarray = expected.argmin(axis=1)
        return said

    def to_json(self) -> Values:
        """Plain values."""
        return {"costs": self.costs.tolist(), "threshold": self.threshold}

    @classmethod
    def from_json(cls, values: Values) -> "CostDecision":
        """From plain values."""
        import numpy as np

        threshold = values["threshold"]
        assert threshold is None or isinstance(threshold, float), "`to_json` writes a number"
        return cls(np.asarray(list_at(values, "costs"), np.float64), threshold)


def best_threshold(
    probability: "np.ndarray", truth: "np.ndarray", weights: "np.ndarray", costs: "np.ndarray"
) -> float:
    """The threshold of the lowest mean cost; of equally good ones the one nearest to that which
    would be best if the probabilities came true.

    :param probability: of the second class, float64, (rows,).
    :param truth: the numbers of the classes, int64, (rows,).
    :param weights: positive, float64, (rows,).
    :param costs: float64, (2, 2).
    """
    import numpy as np

    order = np.argsort(probability, kind="stable")
    values, starts = np.unique(probability[order], return_index=True)
    # What each row costs that is answered by the second class, and by the first.
    as_second = (weights * costs[truth, 1])[order]
    as_first = (weights * costs[truth, 0])[order]
    # All rows below a start are answered by the first class.
    below = np.append(0.0, np.cumsum(as_first))
    above = np.append(np.cumsum(as_second[::-1])[::-1], 0.0)
    places = np.append(starts, len(order))
    cost = below[places] + above[places]
    between = (values[:-1] + values[1:]) / 2
    candidates = np.concatenate([[0.0], between, [NEVER]])
    # Sums of one cost in another order differ in their last digits.
    good = candidates[cost <= cost.min() + 1e-9 * max(float(cost.max()), 1e-300)]
    false_alarm, miss = costs[0, 1], costs[1, 0]
    if_true = false_alarm / (false_alarm + miss) if false_alarm + miss > 0 else 0.5
    return float(good[np.argmin(abs(good - if_true))])
