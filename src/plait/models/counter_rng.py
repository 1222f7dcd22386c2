"""Random numbers that depend on seed, step and row alone, in whichever process they are drawn."""

import torch
from torch import Tensor, nn


class CounterRNG:
    """What the random numbers of a step are drawn from."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.step = 0
        self.rows = torch.empty(0, dtype=torch.int64)
        """int64, (rows,): which rows of the part the batch holds."""


class CounterRNGLayer(nn.Module):
    """A layer that draws by the counter itself, in training and in validation."""

    draws: CounterRNG | None = None
    """Given before training."""


FACTORS = (-7046029254386353131, -4658895280553007687, -7723592293110705685)
"""Of SplitMix64 (Steele, Lea and Flood, 2014), as signed numbers of 64 bits."""

SHIFTS = (30, 27, 31)
"""Of the same."""

BITS = 31
"""Of each random number that a share is compared with."""

IN_CACHE = 2**15
"""Numbers that a processor has at hand: so many at once are mixed several times as fast."""


def mixed(numbers: Tensor) -> Tensor:
    """Random-looking int64 of int64, by SplitMix64."""
    return mix(numbers.clone())


def mix(numbers: Tensor) -> Tensor:
    """`mixed` in place."""
    shifted = torch.empty_like(numbers)
    for factor, shift in zip(FACTORS, SHIFTS, strict=True):
        numbers.mul_(factor)
        torch.bitwise_right_shift(numbers, shift, out=shifted)
        # Shifts of negative numbers draw in ones; the mask makes them zeros.
        numbers.bitwise_xor_(shifted.bitwise_and_(2 ** (64 - shift) - 1))
    return numbers


def spared(rows: Tensor, places: Tensor, share: float) -> Tensor:
    """All pairs of a row and a place but a random share of them, bool (rows, places).

    :param rows: int64, (rows,): a random-looking number for each.
    :param places: int64, (places,), likewise.
    """
    pairs = torch.empty(len(rows), len(places), dtype=torch.bool, device=rows.device)
    at_once = IN_CACHE if rows.device.type == "cpu" else pairs.numel()
    across = max(1, min(at_once, len(places)))
    down = max(1, at_once // across)
    for top in range(0, len(rows), down):
        for left in range(0, len(places), across):
            some = slice(top, top + down), slice(left, left + across)
            bits = mix(rows[some[0], None] ^ places[some[1]]).bitwise_and_(2**BITS - 1)
            torch.ge(bits, int(share * 2**BITS), out=pairs[some])
    return pairs


def splitmix64_int(number: int) -> int:
    """`mixed` of a single number, in the range of int64."""
    for factor, shift in zip(FACTORS, (30, 27, 31), strict=True):
        number = number * factor % 2**64
        number ^= number >> shift
    return number - 2**64 if number >= 2**63 else number
