"""A search: Optuna draws the trials, and is told what each was worth.

Its study lies in a database, so that a search that is launched again goes on: with the trials
that it was in the middle of, with those that failed, and then with those that it still owes.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock, Timeout

from plait.artifacts import significant
from plait.errors import ConfigurationError, UserError
from plait.settings import Settings, setting
from plait.sweeps.pruning import open_storage, pruner_of
from plait.sweeps.summary import Row
from plait.sweeps.sweep import Sweep
from plait.sweeps.trial import Trial, say

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

DIGITS = 5
"""Significant digits of a number that is drawn from an interval: it stands in names and tables."""

DRAW, OVERRIDES, IDENTITY = "draw", "overrides", "identity"
"""What the study keeps of each trial: which draw it is, what it set, and what was trained."""


class SearchSettings(Settings):
    """``hydra/sweeper=optuna``, without its pruner."""

    n_trials: int | None = setting(
        "in total, however often it is launched; null: the whole grid", unit="trials", ge=1
    )
    sampler: Literal["tpe", "random", "grid"] = setting("how values are drawn")
    seed: int = setting("of the sampler", ge=0)
    storage: str | None = setting("an SQLAlchemy URL; null: a file below .plait/searches/")


@dataclass(frozen=True)
class Dimension:
    """Values of one key to draw from."""

    key: str
    distribution: Any
    """Optuna's."""
    values: list[Any] | None
    """All of them, in order; None: an interval."""

    def drawn(self, value: Any) -> Any:
        """The value itself for one that Optuna has computed: rounded, but within the bounds."""
        if not isinstance(value, float):
            return value
        if self.values is not None:
            return min(self.values, key=lambda known: abs(known - value))
        rounded = significant(value, DIGITS)
        return min(max(rounded, self.distribution.low), self.distribution.high)


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
            return Dimension(key, CategoricalDistribution(texts), texts)
        if override.is_range_sweep():
            numbers: list[Any] = list(override.sweep_iterator())
            step = abs(span.step)  # type: ignore[union-attr]
            numbers = [significant(value, 12) if step % 1 else value for value in numbers]
            kind = FloatDistribution if isinstance(numbers[0], float) else IntDistribution
            steps = {"log": True} if log else {"step": step}
            return Dimension(key, kind(min(numbers), max(numbers), **steps), numbers)
        low, high = span.start, span.end  # type: ignore[union-attr]
        kind = IntDistribution if isinstance(low, int) else FloatDistribution
        return Dimension(key, kind(low, high, log=log), None)
    except (ValueError, IndexError) as error:
        raise ConfigurationError(f"{override.input_line}: no values to draw: {error}") from None
