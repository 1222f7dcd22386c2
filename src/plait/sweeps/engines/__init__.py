"""What runs trials: one module an engine, named as ``hydra/launcher`` names it.

Each has ``Settings``, whose values stand in `plait.sweeps.menu`, and
``engine(root, settings)``.
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol

from plait.config.check import checked
from plait.json_types import Values
from plait.settings import Settings
from plait.sweeps.trial import Outcome, Trial


class Engine(Protocol):
    """Runs several trials at once, each in a process that outlives its failures."""

    @property
    def slots(self) -> int:
        """How many trials it runs at once."""

    def run(self, trial: Trial, wait: bool) -> Outcome:
        """Run a trial to its end; called by as many threads as there are slots."""

    def close(self) -> None:
        """End what still runs, as at SIGTERM; may be called twice."""


def settings_of(name: str, given: Values) -> Settings:
    """The settings of an engine, checked.

    :raises ConfigurationError: naming keys of ``hydra.launcher``.
    """
    cls: type[Settings] = _module(name).Settings
    return checked("hydra.launcher.", cls, given)


def start(name: str, root: Path, settings: Settings) -> Engine:
    """The engine, ready to run trials of the tree at ``root``.

    :raises UserError: if it can't be used here.
    """
    engine: Engine = _module(name).engine(root, settings)
    return engine


def _module(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name}")
