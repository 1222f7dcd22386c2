"""One worker process, one trial after the other."""

from pathlib import Path

from plait.settings import Settings as Base
from plait.sweeps.engines.joblib import Workers


class Settings(Base):
    """Nothing to set."""


def engine(root: Path, settings: Settings) -> Workers:
    """The engine."""
    return Workers(root, [{}])
