"""Warm-up, then linear decay."""

from typing import TYPE_CHECKING

from plait.training.schedules.warmup import DecaySettings, scheduled

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR


class Settings(DecaySettings):
    """``schedule: linear``."""


def build(settings: Settings, optimizer: "Optimizer", steps: int) -> "LambdaLR":
    """The schedule over ``steps`` optimiser steps."""
    return scheduled(
        optimizer,
        steps,
        settings.warmup_fraction,
        lambda done: 1 - done * (1 - settings.final_lr_factor),
    )
