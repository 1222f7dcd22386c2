"""A search: Optuna draws the trials, and is told what each was worth.

Its study lies in a database, so that a search that is launched again goes on: with the trials
that it was in the middle of, with those that failed, and then with those that it still owes.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from plait import digests
from plait.config.check import checked
from plait.config.extras import require
from plait.errors import ConfigurationError, UserError
from plait.json_types import Values
from plait.locks import held, lock_named
from plait.settings import Settings, setting
from plait.sweeps.metric import EVERY_EPOCH, fault_of, main_direction
from plait.sweeps.pruning import pruner_of
from plait.sweeps.space import Space
from plait.sweeps.study import DRAW, FOR_GOOD, IDENTITY, OVERRIDES, REASON, Study
from plait.sweeps.summary import Row
from plait.sweeps.sweep import Sweep
from plait.sweeps.trial import Outcome, Trial, Watched, say
from plait.sweeps.trial_data import data_digest
from plait.tracking.sections import FINAL
from plait.tracking.store.backend import sqlite_url

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig
    from optuna.samplers import BaseSampler

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


def check_search(given: Values, pruner: Values | None, section: "DictConfig") -> SearchSettings:
    """The settings of a search, checked.

    :param given: those of ``hydra.sweeper`` but its pruner.
    :param section: ``sweep``, which says what to search for.
    :raises UserError: without Optuna, or for settings that mean nothing.
    """
    require("optuna", "hydra/sweeper=optuna")
    settings = checked("hydra.sweeper.", SearchSettings, given)
    pruner_of(pruner)
    metric = str(section.metric or EVERY_EPOCH)
    if pruner is not None and metric.startswith(FINAL):
        raise ConfigurationError(
            f"hydra/sweeper/pruner={pruner['name']}: needs a metric of every epoch, such as"
            f" sweep.metric={EVERY_EPOCH}; it is {metric}"
        )
    return settings


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
        pruner: Values | None,
        overrides: "Sequence[Override]",
        compose: Callable[[Sequence[str]], Trial],
    ) -> None:
        self._sweep, self._settings, self._pruner = sweep, settings, pruner
        self._compose, self._space = compose, Space(overrides)
        self._total = self._size()
        folder = sweep.workspace.searches
        folder.mkdir(parents=True, exist_ok=True)
        self._url = settings.storage or sqlite_url(folder / f"{sweep.name}.db")

    def run(self, launch: Callable[..., None]) -> None:
        """Launch what is left of the search.

        :param launch: as `plait.sweeps.sweep.Sweep.launch` without the engine.
        :raises ConfigurationError: if no draw is a valid configuration that has the metric.
        """
        first = self._check_space()
        sweep, name = self._sweep, self._sweep.name
        direction = sweep.direction if sweep.metric is not None else main_direction(first.resolved)
        lock = lock_named(sweep.workspace, f"search-{name}")
        with held(lock, waiting=f"{name}: waiting for a process that runs exactly this search"):
            plan = self._plan(direction)
            study = Study(self._url, name, direction, self._space, plan, fresh=sweep.fresh)
            launch(
                itertools.chain(self._begun(study), self._owed(study)),
                varying=self._space.keys,
                total=self._total,
                done=partial(self._tell, study),
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
        size = self._space.combinations()
        return min(size, wanted or size)

    def _check_space(self) -> Trial:
        """A valid draw. All of a small space are tried, of another some.

        :raises ConfigurationError: if there is none.
        """
        reasons = []
        for values in self._space.probes(self._settings.seed):
            try:
                return self._valid(self._space.texts(values))
            except ConfigurationError as error:
                reasons.append(str(error))
        distinct = list(dict.fromkeys(reasons))
        if len(distinct) == 1:
            raise ConfigurationError(distinct[0])
        more = len(distinct) - MOST_REASONS
        lines = distinct[:MOST_REASONS] + ([f"and {more} more"] if more > 0 else [])
        raise ConfigurationError(
            f"hydra/sweeper=optuna: none of {len(reasons)} draws is a valid configuration:\n  "
            + "\n  ".join(line.replace("\n", " ") for line in lines)
        )

    def _valid(self, texts: Sequence[str]) -> Trial:
        """The trial of a draw.

        :raises ConfigurationError: if it is no valid configuration, or cannot have the metric.
        """
        trial = self._compose(texts)
        metric = self._sweep.metric
        fault = fault_of(metric, trial.resolved)
        if fault is None and metric is None and self._pruner is not None:
            fault = fault_of(EVERY_EPOCH, trial.resolved)
        if fault is not None:
            raise ConfigurationError(f"sweep.metric: {fault}")
        return trial

    def _plan(self, direction: str) -> Values:
        """What decides which trials there are, but for their number."""
        from optuna.distributions import distribution_to_json

        return {
            "fixed": [*self._space.fixed],
            "drawn": {
                dimension.key: [distribution_to_json(dimension.distribution), dimension.values]
                for dimension in self._space.dimensions
            },
            "by": [self._settings.sampler, self._settings.seed, self._pruner],
            "for": [self._sweep.metric, direction],
        }

    def _begun(self, study: Study) -> list[Trial | Row]:
        """The trials that the study has, each to be run to its end.

        A training that ended is found again by its identity; one that failed is tried once more,
        unless it can only fail again.

        :raises UserError: for trials of other code, data or packages than there are now.
        """
        from optuna.trial import TrialState

        latest = study.latest()
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
                number = _enter(study, draw, known.params, trial, known.user_attrs[OVERRIDES])
            elif known.state == TrialState.PRUNED:
                self._sweep.pruned(trial)
            begun.append(self._numbered(study, trial, number))
        if begun:
            states = Counter(WORDS[known.state.name] for known in latest.values())
            counted = ", ".join(f"{count} {word}" for word, count in sorted(states.items()))
            say(f"{self._sweep.name}: goes on with {counted}; {self._total} trials in total")
        return begun

    def _owed(self, study: Study) -> Iterator[Trial | Row]:
        """The trials that the study lacks, each drawn when it is asked for.

        A draw that is no valid configuration counts as one that failed.
        """
        for draw in range(len(study.latest()), self._total):
            values = self._values(study, draw)
            texts = self._space.texts(values)
            try:
                trial = self._valid(texts)
            except ConfigurationError as error:
                told: Values = {DRAW: draw, OVERRIDES: [*texts], REASON: str(error)}
                study.add(values, told, refused=True)
                yield _failed(texts, str(error))
            else:
                yield self._numbered(study, trial, _enter(study, draw, values, trial, texts))

    def _values(self, study: Study, draw: int) -> Values:
        """By key, decided by the seed, the number of the draw, and what the study holds."""
        import optuna

        if self._settings.sampler == "grid":
            return next(itertools.islice(self._space.grid(), draw, None))
        text = f"{self._settings.seed} {draw}"
        seed = digests.seed_of(text)
        sampler: BaseSampler = optuna.samplers.RandomSampler(seed)
        if self._settings.sampler == "tpe":
            # Trials that still run count as bad ones: several at once spread out.
            sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        return study.draw(sampler, pruner_of(self._pruner))

    def _numbered(self, study: Study, trial: Trial, number: int) -> Trial:
        """The trial, and what its process needs to tell the study of its epochs."""
        search: Watched = {
            "storage": self._url,
            "study": study.name,
            "number": number,
            "metric": self._sweep.metric,
            "pruner": self._pruner,
        }
        return replace(trial, search=search)

    def _tell(self, study: Study, trial: Trial, row: Row) -> None:
        """Tell the study what a trial was worth.

        :raises UserError: if the first one lacks the metric that the search is for.
        """
        from optuna.trial import TrialState

        number, known = trial.search["number"], study.trials
        if known[number].state.is_finished():
            return
        if row.outcome.status == "failed":
            study.fail(number, row.outcome.reason or "", for_good=False)
        elif row.outcome.status == "pruned":
            study.prune(number)
        elif row.score is None or not row.ranks:
            wanted = self._sweep.metric or "validation/… or cv/… of the main metric"
            has = ", ".join(self._sweep.metrics_of(row))
            if not any(other.state == TrialState.COMPLETE for other in known):
                raise UserError(
                    f"sweep.metric: {wanted} is what the search is for, but"
                    f" {row.shown} has only\n  {has};\n"
                    "  choose one of them, or for validation/… and val/… set data.split.val above 0"
                )
            study.fail(number, f"has no {wanted}, only {has}", for_good=True)
        elif study.same_rows([data_digest(trial.resolved), self._sweep.measured_on(row)]):
            study.finish(number, row.score.value)
        else:
            reason = "was measured on other rows than the first trial, so the search leaves it out"
            say(f"{row.shown}: {reason}")
            study.fail(number, reason, for_good=True)


def _enter(study: Study, draw: int, values: Values, trial: Trial, texts: Sequence[str]) -> int:
    """Enter a trial into the study; gives its number there."""
    told: Values = {DRAW: draw, OVERRIDES: list(texts), IDENTITY: trial.resolved.identity}
    return study.add(values, told)


def _failed(texts: Sequence[str], reason: str) -> Row:
    """The row of a draw that can be no trial."""
    return Row(None, tuple(texts), Outcome("failed", 0.0, None, reason), None)
