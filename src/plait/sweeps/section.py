"""Section ``sweep`` of a multirun: what it is called, and by what its trials are ranked."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait import digests
from plait.errors import ConfigurationError
from plait.tracking.query.score import direction_of

if TYPE_CHECKING:
    from omegaconf import DictConfig

KEPT = ("all", "best", "none")
"""Values of ``sweep.keep_models``."""

DIRECTIONS = ("minimize", "maximize")
"""Values of ``sweep.direction``."""

DRAWN_BY = ("sampler", "seed", "pruner")
"""Settings of a search that decide which trials it has; their number is not among them."""


@dataclass(frozen=True)
class Section:
    """What the section says, or leaves to be found out."""

    name: str
    keep_models: str
    """Which trials' models are logged: one of `KEPT`."""
    metric: str | None
    """The metric by which trials are ranked; None: the main one of each."""
    direction: str
    """The direction in which the metric improves: one of `DIRECTIONS`."""

    @classmethod
    def of(cls, config: "DictConfig") -> "Section":
        """The section of what Hydra composed for the whole sweep.

        :raises ConfigurationError: for a value that means nothing.
        """
        section = config.sweep
        if section.keep_models not in KEPT:
            raise ConfigurationError(
                f"sweep.keep_models: is {section.keep_models!r}; must be one of {', '.join(KEPT)}"
            )
        if section.direction not in (None, *DIRECTIONS):
            raise ConfigurationError(
                f"sweep.direction: is {section.direction!r}; must be one of {', '.join(DIRECTIONS)}"
            )
        meant = direction_of((section.metric or "").rpartition("/")[2])
        direction = section.direction or meant or "minimize"
        sweeper = config.hydra.sweeper
        given = {f"{key}={value}" for key, value in (sweeper.params or {}).items()}
        given |= set(config.hydra.overrides.task)
        drawn_by = [f"{key}={sweeper[key]}" for key in DRAWN_BY if key in sweeper]
        if drawn_by:
            drawn_by += [f"{direction} {section.metric}"]
        name = section.name or name_of(given, drawn_by)
        if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
            raise ConfigurationError(
                f"sweep.name: is {name!r}; its letters may be A-Z, a-z, 0-9, -, _ and ."
            )
        return cls(name, section.keep_models, section.metric, direction)


def name_of(overrides: Iterable[str], drawn_by: Iterable[str] = ()) -> str:
    """A name for the sweep over these: the same for the same command.

    ``linear_regression-lr-1f3a5c`` names experiment and keys; the digest tells the values apart.

    :param drawn_by: what else decides which trials a search has.
    """
    texts = sorted(overrides)
    digest = digests.of_text("\n".join([*texts, *drawn_by]), digests.SHORTEST)
    keys, experiment = [], "experiments"
    for text in texts:
        key, _, value = text.partition("=")
        if key == "experiment":
            experiment = value if value.isidentifier() else experiment
        elif _sweeps(text):
            keys.append(key.rpartition(".")[2].replace("/", "_"))
    return "-".join([experiment, *keys, digest])


def _sweeps(text: str) -> bool:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return bool(OverridesParser.create().parse_override(text).is_sweep_override())


def varying_in(overrides: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The keys whose values differ between trials."""
    values: dict[str, set[str]] = {}
    for trial in overrides:
        for text in trial:
            key, _, value = text.partition("=")
            values.setdefault(key, set()).add(value)
    return tuple(key for key, found in values.items() if len(found) > 1)
