"""How sure a share of rows is."""

from math import sqrt
from statistics import NormalDist


def wilson(share: float, rows: int, level: float) -> tuple[float, float]:
    """The score interval of a share of rows that are independent of each other.

    Wilson, Probable Inference, the Law of Succession, and Statistical Inference (Journal of the
    American Statistical Association 22, 1927). It stays within 0 and 1, and is fair for few rows.

    :param share: in [0, 1].
    :param rows: at least one.
    :param level: its confidence.
    """
    squared = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (share + squared / (2 * rows)) / (1 + squared / rows)
    reach = sqrt(squared * (share * (1 - share) / rows + squared / (4 * rows**2)))
    reach /= 1 + squared / rows
    # At 0 and 1 an end is exactly there, but for rounding.
    return max(0.0, middle - reach), min(1.0, middle + reach)
