"""Choices as pairs of files: values in ``conf/GROUP/x.yaml``, meaning in a module ``x.py``."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal

from plait.errors import ConfigurationError
from plait.settings import Settings


@dataclass(frozen=True)
class Group:
    """A folder of ``conf/`` from which one file, or several, are chosen."""

    name: str
    package: str
    """Where the paired modules lie; each defines ``Settings``."""
    several: bool = False


GROUPS: dict[str, Group] = {
    group.name: group
    for group in (
        Group("data", "plait.data.sources"),
        Group("model", "plait.models"),
        Group("pretraining", "plait.pretraining"),
        Group("augmentation", "plait.augmentation"),
        Group("finetuning", "plait.finetuning"),
        Group("objective", "plait.objectives"),
        Group("optimizer", "plait.training.optimizers"),
        Group("schedule", "plait.training.schedules"),
        Group("adversarial", "plait.training.adversarial"),
        Group("callbacks", "plait.training.callbacks", several=True),
        Group("tracking", "plait.tracking"),
    )
}


@dataclass(frozen=True)
class Kind:
    """What handles all models of a kind."""

    name: str
    takes: Literal["columns", "text"]
    inputs: str
    """The module that makes a model's inputs of a part's columns."""
    models: str
    """The module that predicts, saves and loads."""
    training: str
    """The module that fits."""

    @property
    def by_gradient(self) -> bool:
        """Whether an objective, an optimiser and a schedule train it."""
        return self.training == "plait.training.gradient"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            *("network", "columns", "plait.data.preprocessing"),
            *("plait.models.networks", "plait.training.gradient"),
        ),
        Kind(
            *("estimator", "columns", "plait.data.preprocessing"),
            *("plait.models.estimators", "plait.training.estimator"),
        ),
        Kind(
            *("text_estimator", "text", "plait.data.texts"),
            *("plait.models.estimators", "plait.training.estimator"),
        ),
        Kind(
            *("language_model", "text", "plait.data.texts"),
            *("plait.models.language_models", "plait.training.gradient"),
        ),
        Kind(
            *("masked_language_model", "text", "plait.data.texts"),
            *("plait.models.masked_language_models", "plait.training.gradient"),
        ),
    )
}

SECTIONS: dict[str, str] = {
    "preprocessing": "plait.data.preprocessing",
    "trainer": "plait.training.settings",
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


def settings_of(group: str, choice: str) -> type[Settings]:
    """The settings class of a choice."""
    cls: type[Settings] = module_of(group, choice).Settings
    return cls


def section_settings(section: str) -> type[Settings]:
    """The settings class of a section without a choice."""
    cls: type[Settings] = import_module(SECTIONS[section]).Settings
    return cls


def kind_of(model: str) -> Kind:
    """How the models of a choice are fitted and kept."""
    kind = getattr(settings_of("model", model), "kind", None)
    if kind not in KINDS:
        raise ConfigurationError(
            f"src/plait/models/{model}.py: its Settings must derive from NetworkSettings or"
            " another class of plait.models.kinds"
        )
    return KINDS[kind]
