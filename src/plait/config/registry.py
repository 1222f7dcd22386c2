"""Choices as pairs of files: values in ``conf/GROUP/x.yaml``, meaning in a module ``x.py``."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeVar, overload

from plait.errors import ConfigurationError
from plait.pipeline.stages import GROUPS
from plait.settings import Settings

Kind = TypeVar("Kind", bound=Settings)


@dataclass(frozen=True)
class Family:
    """The modules that handle all models of a family."""

    name: str
    takes: Literal["columns", "text"]
    inputs: str
    """The module that makes a model's inputs of a part's columns, by its ``PREPROCESSOR``."""
    models: str
    """The module that predicts, saves and loads, by its ``FAMILY``; see `plait.models.family`."""
    training: str
    """The module that fits, by its ``TRAINING``."""
    trainer: tuple[str, ...] = ("threads",)
    """The values of ``trainer`` that it goes by, where it is not trained by gradients."""
    in_rounds: bool = False
    """Whether it learns round by round, each with its losses, though not by gradients."""

    @property
    def by_gradient(self) -> bool:
        """Whether an objective, an optimiser and a schedule train it."""
        return self.training == "plait.training.gradient"


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            *("network", "columns", "plait.data.preprocessing"),
            *("plait.models.networks", "plait.training.gradient"),
        ),
        Family(
            *("estimator", "columns", "plait.data.preprocessing"),
            *("plait.models.estimators", "plait.training.estimator"),
        ),
        Family(
            *("boosted", "columns", "plait.data.preprocessing"),
            *("plait.models.boosted", "plait.training.boosted"),
            trainer=("threads", "accelerator"),
            in_rounds=True,
        ),
        Family(
            *("text_estimator", "text", "plait.data.texts"),
            *("plait.models.estimators", "plait.training.estimator"),
        ),
        Family(
            *("language_model", "text", "plait.data.texts"),
            *("plait.models.language_models", "plait.training.gradient"),
        ),
        Family(
            *("masked_language_model", "text", "plait.data.texts"),
            *("plait.models.masked_language_models", "plait.training.gradient"),
        ),
    )
}

SECTIONS: dict[str, str] = {
    "preprocessing": "plait.data.preprocessing",
    "trainer": "plait.training.settings",
    "decision": "plait.calibration.decision",
    "evaluation": "plait.evaluation.settings",
}
"""Sections without a choice, and the modules that hold their ``Settings``."""


def choices(conf: Path, group: str) -> list[str]:
    """The names that can be chosen in a group, sorted."""
    return sorted(path.stem for path in (conf / group).glob("*.yaml"))


def module_of(group: str, choice: str) -> ModuleType:
    """The module paired with ``conf/GROUP/CHOICE.yaml``.

    :raises ConfigurationError: if the pair is not whole: no module, or one without ``Settings``.
    """
    name = f"{GROUPS[group].package}.{choice}"
    file = f"src/{name.replace('.', '/')}.py"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ConfigurationError(
            f"conf/{group}/{choice}.yaml has no module beside it; add {file}"
        ) from None
    except SyntaxError as error:
        raise ConfigurationError(f"{file}, line {error.lineno}: {error.msg}") from None
    if "Settings" not in vars(module):
        raise ConfigurationError(f"{file}: has no class Settings, which says what its values mean")
    return module


@overload
def settings_of(group: str, choice: str) -> type[Settings]: ...


@overload
def settings_of(group: str, choice: str, kind: type[Kind]) -> type[Kind]: ...


def settings_of(group: str, choice: str, kind: type[Settings] = Settings) -> type[Settings]:
    """The settings class of a choice.

    :param kind: the class that settings of the group derive from.
    :raises ConfigurationError: if they do not, or the choice is not whole.
    """
    module = module_of(group, choice)
    cls: type[Settings] = module.Settings
    if not issubclass(cls, kind):
        raise ConfigurationError(
            f"src/{module.__name__.replace('.', '/')}.py: its Settings must derive from"
            f" {kind.__name__} of {kind.__module__}"
        )
    return cls


def section_settings(section: str) -> type[Settings]:
    """The settings class of a section without a choice."""
    cls: type[Settings] = import_module(SECTIONS[section]).Settings
    return cls


def family_of(model: str) -> Family:
    """How the models of a choice are fitted and kept."""
    family = getattr(settings_of("model", model), "family", None)
    if family not in FAMILIES:
        raise ConfigurationError(
            f"src/plait/models/{model}.py: its Settings must derive from NetworkSettings or"
            " another class of plait.models.base"
        )
    return FAMILIES[family]
