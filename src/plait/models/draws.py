"""Random numbers that depend on seed, step and row alone, in whichever process they are drawn."""

import torch
from torch import Tensor


class Draws:
    """What the random numbers of a step are drawn from."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.step = 0
        self.rows = torch.empty(0, dtype=torch.int64)
        """int64, (rows,): which rows of the part the batch holds."""


FACTORS = (-7046029254386353131, -4658895280553007687, -7723592293110705685)
"""Of SplitMix64 (Steele, Lea and Flood, 2014), as signed numbers of 64 bits."""


def mixed(numbers: Tensor) -> Tensor:
    """Random-looking int64 of int64, by SplitMix64."""
    # Shifts of negative numbers draw in ones; the masks make them zeros.
    numbers = numbers * FACTORS[0]
    numbers = (numbers ^ (numbers >> 30 & 0x3FFFFFFFF)) * FACTORS[1]
    numbers = (numbers ^ (numbers >> 27 & 0x1FFFFFFFFF)) * FACTORS[2]
    return numbers ^ (numbers >> 31 & 0x1FFFFFFFF)


def mixed_number(number: int) -> int:
    """`mixed` of a single number, in the range of int64."""
    for factor, shift in zip(FACTORS, (30, 27, 31), strict=True):
        number = number * factor % 2**64
        number ^= number >> shift
    return number - 2**64 if number >= 2**63 else number
