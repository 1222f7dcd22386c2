"""plait: Hydra, DVC, Lightning and MLflow, interlaced by one configuration."""

import sys
from importlib import import_module
from typing import Any

from plait import loaded

__version__ = "0.1.0"

# First of all, so that it is known of every other module what was loaded.
loaded.begin(sys._getframe())


def __getattr__(name: str) -> Any:
    # Late, so that importing plait stays instant; by name, so that no stage reaches tracking by it.
    if name == "load":
        return import_module("plait.tracking.query.load").load
    raise AttributeError(f"module 'plait' has no attribute {name!r}")
