"""The same learning rate throughout, after warm-up."""

from typing import TYPE_CHECKING

from plait.training.schedules.warmup import WarmupSettings, scheduled

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR


class Settings(WarmupSettings):
    """``schedule: constant``."""


def build(settings: Settings, optimizer: "Optimizer", steps: int) -> "LambdaLR":
    """The schedule over ``steps`` optimiser steps."""
    return scheduled(optimizer, steps, settings.warmup_fraction, lambda done: 1.0)
