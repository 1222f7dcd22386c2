"""What a search draws from: the overrides of a sweep that span several values."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.artifacts import significant
from plait.errors import ConfigurationError
from plait.json_types import Plain, Values

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from optuna import Study as OptunaStudy
    from optuna.distributions import BaseDistribution

DIGITS = 5
"""Significant digits of a number that is drawn from an interval: it stands in names and tables."""

MOST_COMBINATIONS, PROBES = 200, 100
"""In a space of more combinations, or with an interval, so many draws are looked at beforehand for
one that is valid."""


@dataclass(frozen=True)
class Dimension:
    """Values of one key to draw from."""

    key: str
    distribution: "BaseDistribution"
    values: list[Plain] | None
    """All of them, in order; None: an interval."""

    def drawn(self, value: float | str) -> float | str:
        """What a value that Optuna has computed stands for: one of `values`, or rounded."""
        if isinstance(value, str):
            return value
        if self.values is not None:
            numbers = [known for known in self.values if isinstance(known, int | float)]
            return min(numbers, key=lambda known: abs(known - value))
        if isinstance(value, int):
            return value
        low: float = self.distribution.low
        high: float = self.distribution.high
        return min(max(significant(value, DIGITS), low), high)


def dimension_of(override: "Override") -> Dimension:
    """What an override such as ``optimizer.lr=tag(log, interval(1e-4, 1e-1))`` spans.

    :raises ConfigurationError: for a span that is empty or makes no sense.
    """
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    key, span = override.get_key_element(), override.value()
    log = "log" in getattr(span, "tags", ())
    try:
        if override.is_choice_sweep():
            texts = list(dict.fromkeys(override.sweep_string_iterator()))
            return Dimension(key, CategoricalDistribution(texts), [*texts])
        if override.is_range_sweep():
            drawn = override.sweep_iterator()
            numbers = [number for number in drawn if isinstance(number, int | float)]
            if not numbers:
                raise ValueError("the range is empty")
            kind = IntDistribution
            if isinstance(numbers[0], float):
                kind, numbers = FloatDistribution, [significant(value, 12) for value in numbers]
            steps = {"log": True} if log else {"step": abs(span.step)}  # type: ignore[union-attr]
            return Dimension(key, kind(min(numbers), max(numbers), **steps), [*numbers])
        low, high = span.start, span.end  # type: ignore[union-attr]
        kind = IntDistribution if isinstance(low, int) else FloatDistribution
        return Dimension(key, kind(low, high, log=log), None)
    except ValueError as error:
        raise ConfigurationError(f"{override.input_line}: no values to draw: {error}") from None


class Space:
    """Values to draw, beside those that are fixed.

    :param overrides: of the sweep: those that span several values are searched over.
    :raises ConfigurationError: for a space without anything to draw, or to rank.
    """

    def __init__(self, overrides: "Sequence[Override]") -> None:
        spanning = {override.get_key_element(): override for override in overrides}
        self.fixed = [
            f"{key}={override.get_value_element_as_str()}"
            for key, override in spanning.items()
            if not override.is_sweep_override()
        ]
        self.dimensions = [
            dimension_of(override) for override in spanning.values() if override.is_sweep_override()
        ]
        if not self.dimensions:
            raise ConfigurationError(
                "hydra/sweeper=optuna: nothing to search over; give several values, such as"
                " optimizer.lr='tag(log, interval(1e-4, 1e-1))'"
            )
        if "data.seed" in self.keys:
            raise ConfigurationError(
                "data.seed: a search ranks its trials, and those on different rows cannot be"
                " ranked; give it one value, or repeat over it by a sweep without"
                " hydra/sweeper=optuna"
            )

    @property
    def keys(self) -> tuple[str, ...]:
        """What tells the trials apart."""
        return tuple(dimension.key for dimension in self.dimensions)

    @property
    def distributions(self) -> "dict[str, BaseDistribution]":
        """Optuna's, by key."""
        return {dimension.key: dimension.distribution for dimension in self.dimensions}

    def texts(self, values: Values) -> list[str]:
        """The overrides of a draw."""
        return [*self.fixed, *(f"{key}={value}" for key, value in values.items())]

    def combinations(self) -> int:
        """How many draws there are.

        :raises ConfigurationError: for an interval, which has no end of them.
        """
        for dimension in self.dimensions:
            if dimension.values is None:
                raise ConfigurationError(
                    f"{dimension.key}: is an interval; sampler=grid needs a list or a range"
                )
        return math.prod(len(dimension.values or ()) for dimension in self.dimensions)

    def grid(self) -> Iterator[Values]:
        """Every draw, in order; none of a space with an interval."""
        for values in itertools.product(*(dimension.values or () for dimension in self.dimensions)):
            yield dict(zip(self.keys, values, strict=True))

    def probes(self, seed: int) -> Iterator[Values]:
        """All draws of a small space, else some."""
        import optuna

        values = [dimension.values for dimension in self.dimensions]
        if all(values) and self.combinations() <= MOST_COMBINATIONS:
            yield from self.grid()
            return
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
        for _ in range(PROBES):
            yield self.ask(study)

    def ask(self, study: "OptunaStudy") -> Values:
        """The values that one of Optuna's studies draws, by key."""
        asked = study.ask(self.distributions)
        return {
            dimension.key: dimension.drawn(asked.params[dimension.key])
            for dimension in self.dimensions
        }
