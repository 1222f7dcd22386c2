"""A search: Optuna draws the trials, and is told what each was worth.

Its study lies in a database, so that a search that is launched again goes on: with the trials
that it was in the middle of, with those that failed, and then with those that it still owes.
"""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from plait.artifacts import significant
from plait.config.check import checked
from plait.errors import ConfigurationError, UserError
from plait.locks import held, lock_named
from plait.settings import Settings, setting
from plait.sweeps.engines import need
from plait.sweeps.metric import fault_of
from plait.sweeps.pruning import open_storage, pruner_of
from plait.sweeps.summary import Row
from plait.sweeps.sweep import Sweep
from plait.sweeps.trial import Outcome, Trial, say
from plait.sweeps.trial_data import data_digest
from plait.tracking.store.backend import sqlite_url

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

DIGITS = 5
"""Significant digits of a number that is drawn from an interval: it stands in names and tables."""

DRAW, OVERRIDES, IDENTITY = "draw", "overrides", "identity"
"""What the study keeps of each trial: which draw it is, what it set, and what was trained."""

REASON, FOR_GOOD = "reason", "for_good"
"""What the study keeps of a trial that failed: why, and whether another attempt would fail alike. A
draw that is no
valid configuration has no `IDENTITY`, and is not tried again either."""

ROWS = "rows"
"""What the study keeps of the rows that its first finished trial was measured on."""

MOST_COMBINATIONS, PROBES = 200, 100
"""In a space of more combinations, or with an interval, so many draws are looked at beforehand
for one that is valid."""

MOST_REASONS = 3

WORDS = {"COMPLETE": "finished", "PRUNED": "pruned", "RUNNING": "unfinished", "FAIL": "failed"}
"""How a user knows Optuna's states."""


class SearchSettings(Settings):
    """``hydra/sweeper=optuna``, without its pruner."""

    n_trials: int | None = setting(
        "draws in total, however often it is launched; null: the whole grid", unit="trials", ge=1
    )
    sampler: Literal["tpe", "random", "grid"] = setting("way in which values are drawn")
    seed: int = setting("seed of the sampler", ge=0)
    storage: str | None = setting(
        "SQLAlchemy URL of the study; null: a file below .plait/searches/"
    )


def check_search(
    given: dict[str, Any], pruner: dict[str, Any] | None, section: "DictConfig"
) -> SearchSettings:
    """The settings of a search, checked.

    :param given: those of ``hydra.sweeper`` but its pruner.
    :param section: ``sweep``, which says what to search for; by default the least ``val/loss``.
    :raises UserError: without Optuna, or for settings that mean nothing.
    """
    need("optuna", "optuna", "hydra/sweeper=optuna")
    settings = checked("hydra.sweeper.", SearchSettings, given)
    pruner_of(pruner)
    if section.metric is None:
        section.metric = "val/loss"
    if pruner is not None and section.metric.startswith("test/"):
        raise ConfigurationError(
            f"hydra/sweeper/pruner={pruner['name']}: needs a metric of every epoch, such as"
            f" sweep.metric=val/loss; it is {section.metric}"
        )
    return settings


@dataclass(frozen=True)
class Dimension:
    """Values of one key to draw from."""

    key: str
    distribution: Any
    """Optuna's."""
    values: list[Any] | None
    """All of them, in order; None: an interval."""

    def drawn(self, value: Any) -> Any:
        """What a value that Optuna has computed stands for: one of `values`, or rounded."""
        if isinstance(value, str):
            return value
        if self.values is not None:
            return min(self.values, key=lambda known: abs(known - value))
        if isinstance(value, int):
            return value
        bounds = self.distribution
        return min(max(significant(value, DIGITS), bounds.low), bounds.high)


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
            if not numbers:
                raise ValueError("the range is empty")
            kind = IntDistribution
            if isinstance(numbers[0], float):
                kind, numbers = FloatDistribution, [significant(value, 12) for value in numbers]
            steps = {"log": True} if log else {"step": abs(span.step)}  # type: ignore[union-attr]
            return Dimension(key, kind(min(numbers), max(numbers), **steps), numbers)
        low, high = span.start, span.end  # type: ignore[union-attr]
        kind = IntDistribution if isinstance(low, int) else FloatDistribution
        return Dimension(key, kind(low, high, log=log), None)
    except ValueError as error:
        raise ConfigurationError(f"{override.input_line}: no values to draw: {error}") from None


class Search:
    """One search, launched once.

    :param sweep: begun; the study is named as it is.
    :param pruner: the node ``hydra.sweeper.pruner``.
    :param overrides: of the sweep: those that span several values are searched over.
    :param compose: gives the trial of some overrides.
    :raises ConfigurationError: for a search that makes no sense.
    """

    def __init__(
        self,
        sweep: Sweep,
        settings: SearchSettings,
        pruner: dict[str, Any] | None,
        overrides: "Sequence[Override]",
        compose: Callable[[Sequence[str]], Trial],
    ) -> None:
        self._sweep, self._settings, self._pruner = sweep, settings, pruner
        self._compose = compose
        spanning = {override.get_key_element(): override for override in overrides}
        self._fixed = [
            f"{key}={override.get_value_element_as_str()}"
            for key, override in spanning.items()
            if not override.is_sweep_override()
        ]
        self._dimensions = [
            dimension_of(override) for override in spanning.values() if override.is_sweep_override()
        ]
        if not self._dimensions:
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
        self._total = self._size()
        folder = sweep.workspace.scratch / "searches"
        folder.mkdir(parents=True, exist_ok=True)
        self._url = settings.storage or sqlite_url(folder / f"{sweep.name}.db")
        self._storage: Any = None
        self._study: Any = None

    @property
    def keys(self) -> tuple[str, ...]:
        """What tells the trials apart."""
        return tuple(dimension.key for dimension in self._dimensions)

    def run(self, launch: Callable[..., None]) -> None:
        """Launch what is left of the search.

        :param launch: as `plait.sweeps.sweep.Sweep.launch` without the engine.
        :raises ConfigurationError: if no draw is a valid configuration that has the metric.
        """
        self._check_space()
        name = self._sweep.name
        lock = lock_named(self._sweep.workspace, f"search-{name}")
        with held(lock, waiting=f"{name}: waiting for a process that runs exactly this search"):
            self._study = self._open()
            launch(
                itertools.chain(self._begun(), self._owed()),
                varying=self.keys,
                total=self._total,
                done=self._tell,
            )

    def _size(self) -> int:
        """How many trials there will be in total."""
        wanted = self._settings.n_trials
        if self._settings.sampler != "grid":
            if wanted is None:
                raise ConfigurationError(
                    "hydra.sweeper.n_trials: is null; only sampler=grid comes to an end by itself"
                )
            return wanted
        size = 1
        for dimension in self._dimensions:
            if dimension.values is None:
                raise ConfigurationError(
                    f"{dimension.key}: is an interval; sampler=grid needs a list or a range"
                )
            size *= len(dimension.values)
        return min(size, wanted or size)

    def _check_space(self) -> None:
        """Refuse a space without one valid draw: all of a small one are tried, else some."""
        reasons = []
        for values in self._probes():
            try:
                self._valid(self._texts(values))
            except ConfigurationError as error:
                reasons.append(str(error))
            else:
                return
        distinct = list(dict.fromkeys(reasons))
        if len(distinct) == 1:
            raise ConfigurationError(distinct[0])
        more = len(distinct) - MOST_REASONS
        lines = distinct[:MOST_REASONS] + ([f"and {more} more"] if more > 0 else [])
        raise ConfigurationError(
            f"hydra/sweeper=optuna: none of {len(reasons)} draws is a valid configuration:\n  "
            + "\n  ".join(line.replace("\n", " ") for line in lines)
        )

    def _probes(self) -> Iterator[dict[str, Any]]:
        """All combinations of a small space, else some draws."""
        import optuna

        values = [dimension.values for dimension in self._dimensions]
        if all(values) and math.prod(len(each or ()) for each in values) <= MOST_COMBINATIONS:
            for combination in itertools.product(*(each or () for each in values)):
                yield dict(zip(self.keys, combination, strict=True))
            return
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(self._settings.seed))
        for _ in range(PROBES):
            yield self._ask(study)

    def _valid(self, texts: Sequence[str]) -> Trial:
        """The trial of a draw.

        :raises ConfigurationError: if it is no valid configuration, or cannot have the metric.
        """
        trial = self._compose(texts)
        fault = fault_of(self._sweep.metric or "", trial.resolved)
        if fault is not None:
            raise ConfigurationError(f"sweep.metric: {fault}")
        return trial

    def _texts(self, values: dict[str, Any]) -> list[str]:
        return [*self._fixed, *(f"{key}={value}" for key, value in values.items())]

    def _open(self) -> Any:
        """The study: the one there is, or a new one.

        :raises UserError: if its trials were drawn in another way.
        """
        import optuna

        storage, name = open_storage(self._url), self._sweep.name
        self._storage = storage
        known = {summary.study_name for summary in storage.get_all_studies()}
        if self._sweep.fresh and name in known:
            optuna.delete_study(study_name=name, storage=storage)
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            sampler=optuna.samplers.RandomSampler(),
            direction=self._sweep.direction,
            load_if_exists=True,
        )
        plan = self._plan()
        if study.user_attrs.get("plan", plan) != plan:
            raise UserError(
                f"sweep.name: {name} is a search over other values, or in another way; choose"
                " another name, or begin it anew by --fresh"
            )
        study.set_user_attr("plan", plan)
        return study

    def _plan(self) -> dict[str, Any]:
        """What decides which trials there are, but for their number."""
        from optuna.distributions import distribution_to_json

        return {
            "fixed": self._fixed,
            "drawn": {
                dimension.key: [distribution_to_json(dimension.distribution), dimension.values]
                for dimension in self._dimensions
            },
            "by": [self._settings.sampler, self._settings.seed, self._pruner],
            "for": [self._sweep.metric, self._sweep.direction],
        }

    def _begun(self) -> list[Trial | Row]:
        """The trials that the study has, each to be run to its end.

        A training that ended is found again by its identity; one that failed is tried once more,
        unless it can only fail again.

        :raises UserError: for trials of other code, data or packages than there are now.
        """
        from optuna.trial import TrialState

        # Of a draw that failed, the last attempt counts.
        latest = {trial.user_attrs[DRAW]: trial for trial in self._study.get_trials()}
        begun: list[Trial | Row] = []
        for draw, known in sorted(latest.items()):
            if draw >= self._total and not known.state.is_finished():
                continue
            if IDENTITY not in known.user_attrs:
                begun.append(_failed(known.user_attrs[OVERRIDES], known.user_attrs[REASON]))
                continue
            trial = self._compose(known.user_attrs[OVERRIDES])
            if trial.resolved.identity != known.user_attrs[IDENTITY]:
                raise UserError(
                    f"{self._sweep.name}: code, data or packages have changed since"
                    f" {' '.join(trial.overrides)} was trained;\n"
                    "  --fresh begins the search anew, sweep.name=NAME begins another"
                )
            number = known.number
            if known.state == TrialState.FAIL and not known.user_attrs.get(FOR_GOOD):
                number = self._add(draw, known.params, known.user_attrs[OVERRIDES], trial)
            elif known.state == TrialState.PRUNED:
                self._sweep.pruned(trial)
            begun.append(self._numbered(trial, number))
        if begun:
            states = Counter(WORDS[known.state.name] for known in latest.values())
            counted = ", ".join(f"{count} {word}" for word, count in sorted(states.items()))
            say(f"{self._sweep.name}: goes on with {counted}; {self._total} trials in total")
        return begun

    def _owed(self) -> Iterator[Trial | Row]:
        """The trials that the study lacks, each drawn when it is asked for.

        A draw that is no valid configuration counts as one that failed.
        """
        drawn = {trial.user_attrs[DRAW] for trial in self._study.get_trials(deepcopy=False)}
        for draw in range(len(drawn), self._total):
            values = self._values(draw)
            texts = self._texts(values)
            try:
                trial = self._valid(texts)
            except ConfigurationError as error:
                self._add(draw, values, texts, str(error))
                yield _failed(texts, str(error))
            else:
                yield self._numbered(trial, self._add(draw, values, texts, trial))

    def _values(self, draw: int) -> dict[str, Any]:
        """The values of a draw by key; the seed, its number and what the study holds decide them.

        Optuna is asked in a copy of the study, so that a trial enters the database whole: whoever
        is killed in between draws the same again.
        """
        import optuna

        if self._settings.sampler == "grid":
            grid = itertools.product(*(dimension.values or [] for dimension in self._dimensions))
            return dict(zip(self.keys, next(itertools.islice(grid, draw, None)), strict=True))
        text = f"{self._settings.seed} {draw}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        sampler: Any = optuna.samplers.RandomSampler(seed)
        if self._settings.sampler == "tpe":
            # Trials that still run count as bad ones: several at once spread out.
            sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        copy = optuna.create_study(
            study_name=self._study.study_name,
            sampler=sampler,
            pruner=pruner_of(self._pruner),
            direction=self._sweep.direction,
        )
        copy.add_trials(self._study.get_trials(deepcopy=False))
        return self._ask(copy)

    def _ask(self, study: Any) -> dict[str, Any]:
        """The values that a study draws, by key."""
        asked = study.ask({dimension.key: dimension.distribution for dimension in self._dimensions})
        return {
            dimension.key: dimension.drawn(asked.params[dimension.key])
            for dimension in self._dimensions
        }

    def _add(
        self, draw: int, values: dict[str, Any], texts: Sequence[str], trial: Trial | str
    ) -> int:
        """Enter a trial that is about to run.

        :param trial: or why there can be none.
        :returns: its number in the study.
        """
        from optuna.trial import TrialState, create_trial

        told = {REASON: trial} if isinstance(trial, str) else {IDENTITY: trial.resolved.identity}
        entered = create_trial(
            state=TrialState.FAIL if isinstance(trial, str) else TrialState.RUNNING,
            params=values,
            distributions={dimension.key: dimension.distribution for dimension in self._dimensions},
            user_attrs={DRAW: draw, OVERRIDES: list(texts), **told},
        )
        self._study.add_trial(entered)
        number: int = self._study.get_trials(deepcopy=False)[-1].number
        return number

    def _numbered(self, trial: Trial, number: int) -> Trial:
        """The trial, and what its process needs to tell the study of its epochs."""
        search = {
            "storage": self._url,
            "study": self._study.study_name,
            "number": number,
            "metric": self._sweep.metric,
            "pruner": self._pruner,
        }
        return replace(trial, search=search)

    def _tell(self, trial: Trial, row: Row) -> None:
        """Tell the study what a trial was worth.

        :raises UserError: if the first one lacks the metric that the search is for.
        """
        from optuna.trial import TrialState

        number = trial.search["number"]
        known = self._study.get_trials(deepcopy=False)
        if known[number].state.is_finished():
            return
        if row.outcome.status == "failed":
            self._fail(number, row.outcome.reason or "", for_good=False)
        elif row.outcome.status == "pruned":
            self._study.tell(number, state=TrialState.PRUNED)
        elif row.score is None:
            has = ", ".join(self._sweep.metrics_of(row))
            if not any(other.state == TrialState.COMPLETE for other in known):
                raise UserError(
                    f"sweep.metric: {self._sweep.metric} is what the search is for, but"
                    f" {row.shown} has only\n  {has};\n"
                    "  choose one of them, or for val/… set data.split.val above 0"
                )
            self._fail(number, f"has no {self._sweep.metric}, only {has}", for_good=True)
        else:
            measured = [data_digest(trial.resolved), self._sweep.measured_on(row)]
            first = self._study.user_attrs.get(ROWS)
            if first is None:
                self._study.set_user_attr(ROWS, measured)
            if first is None or any(a == b for a, b in zip(first, measured, strict=True)):
                self._study.tell(number, row.score.value)
                return
            reason = "was measured on other rows than the first trial, so the search leaves it out"
            say(f"{row.shown}: {reason}")
            self._fail(number, reason, for_good=True)

    def _fail(self, number: int, reason: str, *, for_good: bool) -> None:
        """End a trial as failed, and leave the reason in the study."""
        from optuna.trial import TrialState

        study_id = self._storage.get_study_id_from_name(self._study.study_name)
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
        self._storage.set_trial_user_attr(trial_id, REASON, reason)
        self._storage.set_trial_user_attr(trial_id, FOR_GOOD, for_good)
        self._study.tell(number, state=TrialState.FAIL)


def _failed(texts: Sequence[str], reason: str) -> Row:
    """The row of a draw that can be no trial."""
    return Row(None, tuple(texts), Outcome("failed", 0.0, None, reason), None)
