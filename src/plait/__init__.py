"""plait: Hydra, DVC, Lightning and MLflow, interlaced by one configuration."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Late, so that importing plait stays instant; by name, so that no stage reaches tracking by it.
    if name == "load":
        return import_module("plait.tracking.load").load
    raise AttributeError(f"module 'plait' has no attribute {name!r}")
