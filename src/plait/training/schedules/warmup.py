"""Warm-up, which every schedule begins with."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from plait.settings import Settings, setting

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR


class WarmupSettings(Settings):
    """Settings shared by all schedules."""

    warmup_fraction: float = setting(
        "fraction of all steps over which the learning rate rises from 0", ge=0, lt=1
    )


class DecaySettings(WarmupSettings):
    """Settings of the schedules that fall."""

    final_lr_factor: float = setting(
        "learning rate at the last step, as a factor of the largest", ge=0, le=1
    )


def scheduled(
    optimizer: "Optimizer", steps: int, warmup: float, after: Callable[[float], float]
) -> "LambdaLR":
    """A rise over the first ``warmup`` of ``steps``, then ``after``.

    :param after: from the share done of the steps after warm-up, in [0, 1], to a factor.
    """
    from torch.optim.lr_scheduler import LambdaLR

    rising = round(warmup * steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        return after(min(1.0, (step - rising) / max(1, steps - rising)))

    return LambdaLR(optimizer, factor)
