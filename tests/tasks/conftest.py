"""Fixtures of trainings."""

from training.fitting import lab, other_process

__all__ = ["lab", "other_process"]
