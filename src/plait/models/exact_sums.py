"""Least squares by integers alone: the same bits on every CPU.

A sum of float64 depends on its order, which is another in the kernels for another CPU. Here every
column is cut into slices of so few bits that a product of two of them, summed over a block of rows,
is an integer below 2**53: no order of that sum rounds. So all inner products are exact. The small
system that they make is solved by integers of `BITS` bits, and each coefficient is rounded once.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SLICE_BITS, BLOCK_ROWS = 20, 4096
"""2 * 20 bits, and 12 of 4096 rows: a sum below 2**52."""

BLOCKS = 1024
"""As many such sums fit int64."""

BITS = 512
"""Behind the point, of the numbers that the small system is solved by; what `COLLINEAR` leaves of a
column takes 40 of them."""

COLLINEAR = Fraction(1, 10**6)
"""A column of which the others leave no more than this share of its own length, the ridge included,
is their combination; as for scikit-learn's LinearRegression (``tol``)."""

MOST_FEATURES, MOST_SLICES = 128, 2048
"""The largest problem that is solved within a second or two."""


@dataclass(frozen=True)
class Solution:
    """``features @ weights + bias`` is nearest to the targets."""

    weights: "np.ndarray"
    """float64, (features,)."""
    bias: float


def solve(features: "np.ndarray", targets: "np.ndarray", ridge: float) -> Solution | None:
    """The least squares of errors, plus ``ridge`` times that of the weights, the bias free.

    Of solutions that are equally good, the one of least weights. Collinear is what `COLLINEAR`
    says, a constant feature included.

    :param features: float64, (rows, features), all finite.
    :param targets: float64, (rows,), all finite.
    :returns: None where there is more to it than `MOST_FEATURES` or `MOST_SLICES`.
    :raises ValueError: if a coefficient is larger than any float64.
    """
    import numpy as np

    rows, count = features.shape
    columns = np.column_stack([features, np.ones(rows), targets])
    slices = _Slices.of(columns)
    if count > MOST_FEATURES or len(slices.column) > MOST_SLICES:
        return None
    products = slices.products(columns)
    one, target = count, count + 1
    # `rows` times the inner products of the columns less their means; of a constant one, 0.
    sums = products[one] >> -slices.unit[one]
    centred = rows * products - np.multiply.outer(sums, sums)
    for j in range(count if ridge else 0):
        centred[j, j] += rows * Fraction(ridge) / Fraction(4) ** slices.unit[j]
    chosen = [j for j in range(count) if centred[j, j]]
    weights = [Fraction(0)] * count
    at = [*chosen, target]
    found = _shortest(centred[np.ix_(at, at)], [slices.unit[j] for j in at], COLLINEAR**2)
    for j, weight in zip(chosen, found, strict=True):
        weights[j] = weight
    totals = [Fraction(total) * _two(unit) for total, unit in zip(sums, slices.unit, strict=True)]
    explained = sum(weight * total for weight, total in zip(weights, totals, strict=False))
    try:
        rounded = np.array([float(weight) for weight in weights])
        return Solution(rounded, float((totals[target] - explained) / rows))
    except OverflowError as error:
        raise ValueError("a coefficient is larger than any number of 64 bits") from error


def _shortest(products: "np.ndarray", units: Sequence[int], least: Fraction) -> list[Fraction]:
    """The weights of least length that solve the normal equations.

    Columns that are combinations of others are taken for exactly that: with the others as B and
    those as B T, all of them are B (1 T), whose shortest solution is (1 T)' v of the v that solves
    (1 T) (1 T)' v = u, where u is the solution for B alone (Golub and Van Loan, Matrix
    Computations, 5.5: complete orthogonal decomposition).

    :param products: inner products of all columns, of which the last is the target; Python's
        integers, and fractions on the diagonal.
    :param units: the exponent of each column's unit.
    """
    import numpy as np

    lengths = [(int(square).bit_length() + 1) // 2 for square in products.diagonal()]
    system = np.empty_like(products)
    for j, k in np.ndindex(*products.shape):
        system[j, k] = _shifted(products[j, k], BITS - lengths[j] - lengths[k])
    scale = [unit + length for unit, length in zip(units, lengths, strict=True)]
    kept, others, combined = _regressed(system, least)
    weights = [Fraction(0)] * (len(products) - 1)
    target = scale[-1]
    if len(others) == 1:
        for k, (weight,) in zip(kept, combined, strict=True):
            weights[k] = weight * _two(target - scale[k] - BITS)
        return weights
    # T in the columns' own units, as integers of 2**-fine each.
    shifts = np.array([[scale[j] - scale[k] for j in others[:-1]] for k in kept], dtype=object)
    fine = BITS - min(0, shifts.min())
    combinations = combined[:, :-1] << (shifts + fine - BITS)
    top = max(scale[k] for k in kept)
    solution = combined[:, -1] << np.array([top - scale[k] for k in kept], dtype=object)
    inner = combinations @ combinations.T + (np.eye(len(kept), dtype=object) << 2 * fine)
    # No product with the solution is larger than it would be of a target of this square.
    square = (solution @ solution >> 2 * fine) + 1
    whole = np.block([[inner, solution[:, None]], [solution, square]])
    found = _shortest(whole, [0] * len(whole), Fraction(0))
    back = _two(2 * fine + target - top - BITS)
    for k, weight in zip(kept, found, strict=True):
        weights[k] = weight * back
    for j, shares in zip(others[:-1], combinations.T, strict=True):
        weights[j] = sum(
            (share * weights[k] for k, share in zip(kept, shares, strict=True)), Fraction(0)
        ) * _two(-fine)
    return weights


def _regressed(system: "np.ndarray", least: Fraction) -> "tuple[list[int], list[int], np.ndarray]":
    """Columns of which no other is a combination, and what the others are, of those.

    By Gauss elimination, at each step of the column of which the steps before have left most.

    :param system: inner products of columns of about equal length, integers of 2**-`BITS` each;
        the last column is the target.
    :param least: what must be left of a column's square, beside the whole of it.
    :returns: the columns kept; the others, with the target as the last; and the shares of the kept
        in each of the others, integers as above, (kept, others).
    """
    import numpy as np

    squares = system.diagonal().copy()
    names, left, kept, steps = np.arange(len(system)), system, [], []
    while True:
        remainders = left.diagonal()[:-1]
        bounds = squares[names[:-1]]
        enough = [
            n for n, (r, s) in enumerate(zip(remainders, bounds, strict=True)) if r > least * s
        ]
        if not enough:
            break
        place = max(enough, key=lambda n: remainders[n])
        shares = (left[place] << BITS) // left[place, place]
        step = np.zeros(len(system), dtype=object)
        step[names] = shares
        left = left - (np.multiply.outer(shares, left[place]) >> BITS)
        left = np.delete(np.delete(left, place, 0), place, 1)
        kept.append(int(names[place]))
        names = np.delete(names, place)
        steps.append(step)
    others = names.tolist()
    combined = np.array([step[names] for step in steps], dtype=object).reshape(-1, len(others))
    for n in reversed(range(len(kept))):
        combined[n] -= (steps[n][kept[n + 1 :]] @ combined[n + 1 :]) >> BITS
    return kept, others, combined


def _two(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def _shifted(number: Any, exponent: int) -> int:
    """``number * 2**exponent``, rounded down."""
    whole: int = math.floor(number * _two(exponent))
    return whole


@dataclass(frozen=True)
class _Slices:
    """How columns are cut.

    A slice is the integer part of ``value / 2**exponent``, less what the slices before it hold.
    """

    column: "np.ndarray"
    """Of each slice, int64, (slices,), ascending."""
    exponent: "np.ndarray"
    """Of each slice, int64, (slices,), falling within a column."""
    unit: list[int]
    """The exponent of each column's last slice."""

    @classmethod
    def of(cls, columns: "np.ndarray") -> "_Slices":
        """From the highest to the lowest bit of any of a column's values."""
        import numpy as np

        mantissas, exponents = np.frexp(columns)
        whole = np.ldexp(mantissas, 53).astype(np.int64)
        lowest = exponents - 54 + np.frexp((whole & -whole).astype(np.float64))[1]
        there = columns != 0
        top = np.where(there, exponents, -(2**20)).max(axis=0)
        bottom = np.where(there, lowest, 2**20).min(axis=0)
        column, exponent = [], []
        for number, (high, low) in enumerate(zip(top.tolist(), bottom.tolist(), strict=True)):
            pieces = max(1, -(-(high - low) // SLICE_BITS))
            column += [number] * pieces
            # Of a column of zeros, one slice of zeros.
            start = high if low <= high else 0
            exponent += [start - SLICE_BITS * (piece + 1) for piece in range(pieces)]
        owner, place = np.array(column), np.array(exponent)
        last = np.flatnonzero(np.append(owner[1:] != owner[:-1], True))
        return cls(owner, place, place[last].tolist())

    def products(self, columns: "np.ndarray") -> "np.ndarray":
        """The inner products of all columns, Python's integers.

        That of columns j and k is in units of ``2**(unit[j] + unit[k])``.
        """
        import numpy as np

        size = len(self.column)
        total = np.zeros((size, size), dtype=object)
        for first in range(0, len(columns), BLOCKS * BLOCK_ROWS):
            partial = np.zeros((size, size), dtype=np.int64)
            for block in _blocks(columns[first : first + BLOCKS * BLOCK_ROWS]):
                cut = self._cut(block)
                partial += (cut.T @ cut).astype(np.int64)
            total += partial.astype(object)
        above = (self.exponent - np.array(self.unit)[self.column]).astype(object)
        total = total << np.add.outer(above, above)
        first_of = np.flatnonzero(np.insert(self.column[1:] != self.column[:-1], 0, True))
        whole: np.ndarray = np.add.reduceat(np.add.reduceat(total, first_of, 0), first_of, 1)
        return whole

    def _cut(self, block: "np.ndarray") -> "np.ndarray":
        """Integers below 2**`SLICE_BITS`, as float64, (rows, slices); nothing of it rounds."""
        import numpy as np

        cut = np.empty((len(block), len(self.column)), order="F")
        left = np.empty(0)
        for number, (column, exponent) in enumerate(
            zip(self.column.tolist(), self.exponent.tolist(), strict=True)
        ):
            if not number or column != self.column[number - 1]:
                left = block[:, column]
            cut[:, number] = np.trunc(np.ldexp(left, -exponent))
            left = left - np.ldexp(cut[:, number], exponent)
        return cut


def _blocks(columns: "np.ndarray") -> "Iterator[np.ndarray]":
    for start in range(0, len(columns), BLOCK_ROWS):
        yield columns[start : start + BLOCK_ROWS]
