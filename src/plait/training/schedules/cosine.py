"""Warm-up, then half a cosine (Loshchilov and Hutter 2017, without restarts)."""

import math
from typing import TYPE_CHECKING

from plait.training.schedules.warmup import DecaySettings, scheduled

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR


class Settings(DecaySettings):
    """``schedule: cosine``."""


def build(settings: Settings, optimizer: "Optimizer", steps: int) -> "LambdaLR":
    """The schedule over ``steps`` optimiser steps."""

    def fall(done: float) -> float:
        return (
            settings.final_lr_factor
            + (1 - settings.final_lr_factor) * (1 + math.cos(math.pi * done)) / 2
        )

    return scheduled(optimizer, steps, settings.warmup_fraction, fall)
