"""The base of every settings class: typed, strict, complete, immutable.

Settings hold no defaults: those are the values under ``conf/``, and nowhere else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A section of the configuration. Unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    def refuses(self, chosen: "Chosen") -> Iterator[str]:
        """The faults of these settings, each right alone, beside all others: a line each, its key
        first.
        """
        yield from ()


@runtime_checkable
class WithTask(Protocol):
    """Settings that say what is predicted: those of every choice of data."""

    @property
    def task(self) -> str:
        """A name of `plait.tasks.registry.TASKS`."""


@runtime_checkable
class WithFiles(Protocol):
    """Settings that may name files of the user."""

    @property
    def files(self) -> tuple[str, ...]:
        """Their paths, relative to the project."""


@dataclass(frozen=True)
class Chosen:
    """All that an experiment has chosen, for `Settings.refuses`."""

    names: Mapping[str, str]
    """Name of the choice, by group."""
    settings: Mapping[str, Settings]
    """The settings of each section; callbacks stand under ``callbacks.NAME``, the root's own values
    under the empty name."""
    family: str
    """The family of the model, a key of `plait.config.registry.FAMILIES`."""
    takes: str
    """What the model's family learns from: ``columns`` or ``text``."""
    by_gradient: bool
    """Whether an objective, an optimiser and a schedule train the model."""

    def __contains__(self, section: str) -> bool:
        return section in self.settings

    def __getitem__(self, section: str) -> Any:
        """The settings of a section, as the class that is chosen for it has them."""
        return self.settings[section]

    def unfit(self, group: str, tasks: tuple[str, ...]) -> Iterator[str]:
        """That the choice of a group is for other tasks than that of the data."""
        if self["data"].task not in tasks:
            yield (
                f"{group}: {self.names[group]!r} is for {' or '.join(tasks)}, but data:"
                f" {self.names['data']} is a {self['data'].task} task"
            )


def _whole_commit(revision: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ValueError(
            f"{revision!r} is no commit, and branches and tags move; give its 40 hexadecimal digits"
        )
    return revision


Commit = Annotated[str, AfterValidator(_whole_commit)]
"""The commit that pins a model or a data set on the Hugging Face hub."""


def setting(meaning: str, *, unit: str | None = None, **bounds: Any) -> Any:
    """A field of a settings class, with what ``plait options`` says of it.

    :param meaning: what it does, in a few words.
    :param unit: the unit of its values, such as ``rows`` or ``epochs``.
    :param bounds: pydantic's own: ``gt``, ``ge``, ``lt``, ``le``, ``min_length``, ``pattern``.
    """
    return Field(description=meaning, json_schema_extra={"unit": unit} if unit else None, **bounds)
