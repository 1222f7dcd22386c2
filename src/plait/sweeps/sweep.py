"""A sweep: its trials from a multirun onto an engine and into MLflow."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from plait.artifacts import write_json
from plait.config.effect import Effect, in_words
from plait.config.label import shortened
from plait.config.resolved import Resolved
from plait.evaluation.notation import duration
from plait.evaluation.settings import Plots
from plait.settings import Settings
from plait.sweeps.engines import start
from plait.sweeps.measured_on import measured_on
from plait.sweeps.metric import unrankable
from plait.sweeps.overview import write
from plait.sweeps.progress import Progress
from plait.sweeps.results import metric_names, tag_repeats, worth_of
from plait.sweeps.schedule import run_all
from plait.sweeps.section import Section
from plait.sweeps.summary import Row, Summary, summarise
from plait.sweeps.table import conclusion, counts, table
from plait.sweeps.trial import (
    Outcome,
    Trial,
    held_trial,
    is_done,
    outputs_of,
    record_trial,
    reuse,
    say,
    sweep_tags,
)
from plait.sweeps.trial_data import data_digest
from plait.tracking.query.run import get_run, run_of_identity
from plait.tracking.query.trials import compare_pages, tag_best
from plait.tracking.store.reaper import open_store_of
from plait.tracking.store.retry import patiently
from plait.tracking.store.store import Store
from plait.workspace import Workspace

if TYPE_CHECKING:
    from omegaconf import DictConfig


class Sweep:
    """The task of a multirun: Hydra's launcher hands it the trials, batch by batch.

    :param fresh: train also what is done.
    """

    def __init__(self, workspace: Workspace, fresh: bool) -> None:
        self.workspace, self.fresh = workspace, fresh
        self._rows: dict[str, Row] = {}
        self._entered: dict[str, Trial] = {}
        self._stores: dict[str, Store] = {}
        self._began = time.monotonic()
        self.name = self.direction = self._keep = ""
        self.metric: str | None = None
        self._varying: tuple[str, ...] = ()
        self._refused: list[Row] = []
        self._effects: dict[str, list[Effect]] = {}
        self._asked, self._asked_for = 0, ""
        self._measured_on: dict[tuple[str, str], str] = {}

    def begin(self, config: "DictConfig") -> None:
        """Take what Hydra composed for the whole sweep.

        :raises ConfigurationError: for a value of section ``sweep`` that means nothing.
        """
        section = Section.of(config)
        self.name, self.metric = section.name, section.metric
        self.direction, self._keep = section.direction, section.keep_models

    def __call__(self, config: "DictConfig") -> None:
        """The call that Hydra makes of a task; its launcher calls `launch` instead."""
        raise AssertionError("a sweep is launched, not called")

    def note(self, resolved: Resolved, effect: Effect) -> None:
        """Take note of which overrides of a trial have an effect, before it is launched."""
        self._effects.setdefault(resolved.identity, []).append(effect)

    def check_metric(self, trials: Iterable[Trial]) -> None:
        """Refuse a metric that no trial can have; name the trials that cannot, where others can.

        Where no metric is named, trials that hold nothing out are trained all the same.

        :raises ConfigurationError: with the metrics that can be had.
        """
        for line in unrankable(self.metric, [trial.resolved for trial in trials]):
            say(f"{self.name}: {line}")

    def launch(
        self,
        trials: list[Trial] | Iterator[Trial | Row],
        engine_name: str,
        settings: Settings,
        *,
        varying: tuple[str, ...],
        total: int | None = None,
        done: Callable[[Trial, Row], None] = lambda trial, row: None,
    ) -> None:
        """Run the trials that are not done, as they come.

        :param trials: asked for the next one when a slot of the engine is free; what they have in
            common is added here. A row is what has failed before it could be a trial.
        :param varying: the keys that tell them apart.
        :param total: how many there will be, if that is known.
        :param done: told of the end of each.
        :raises UserError: if the engine can't be used here.
        """
        engine = start(engine_name, self.workspace.root, settings)
        self._varying, self._asked_for = varying, "draws"
        if isinstance(trials, list):
            trials = self._combinations(trials)
            total = len(trials)
        progress = Progress(self.name, total)

        def end(trial: Trial, outcome: Outcome) -> None:
            row = self._row(trial, outcome)
            before = self._rows.get(trial.resolved.identity)
            if before is not None and before.score is not None and outcome.status == "reused":
                row = before
            self._rows[trial.resolved.identity] = row
            progress.add(row, silent=before is not None)
            done(trial, row)

        def left_to_do() -> Iterator[Trial]:
            for bare in trials:
                if isinstance(bare, Row):
                    refused = replace(bare, overrides=self._shown(bare.overrides))
                    self._refused.append(refused)
                    progress.add(refused)
                    continue
                trial = replace(
                    bare,
                    sweep=self.name,
                    keep_model=self._keep == "all",
                    fresh=self.fresh,
                )
                self._asked += self._asked_for == "draws"
                self._enter([trial])
                known = self._rows.get(trial.resolved.identity)
                outcome = known.outcome if known is not None else self._reused(trial)
                if outcome is None:
                    yield trial
                else:
                    end(trial, outcome)

        with closing(engine), closing(progress):
            run_all(engine, left_to_do(), end)

    def _combinations(self, trials: list[Trial]) -> list[Trial]:
        """The trials without those that are made again by what has no effect, which is said."""
        self._asked_for, self._asked = "combinations", self._asked + len(trials)
        once: dict[str, Trial] = {}
        for trial in trials:
            once.setdefault(trial.resolved.identity, trial)
        self._enter(list(once.values()))
        if told := self._without_effect(self._asked):
            say(told)
        return list(once.values())

    def pruned(self, trial: Trial) -> None:
        """Count a trial as pruned that an earlier launch of its search has pruned."""
        run = patiently(run_of_identity, self._store(trial.resolved), trial.resolved.identity)
        run_id = None if run is None else run.run_id
        self._rows[trial.resolved.identity] = self._row(trial, Outcome("pruned", 0.0, run_id))

    def metrics_of(self, row: Row) -> list[str]:
        """The metrics by which a finished trial could be ranked."""
        assert row.resolved is not None
        assert row.outcome.run_id is not None
        return patiently(metric_names, self._store(row.resolved), row.outcome.run_id)

    def value(self, resolved: Resolved) -> float | None:
        """What a trial that has ended is worth; None if it failed."""
        row = self._rows.get(resolved.identity)
        return row.score.value if row is not None and row.score is not None else None

    def finish(self) -> int:
        """Tag the best and the repeats, keep the models that are wanted, print the table.

        :returns: exit status: 1 if a trial failed.
        """
        rows = [self._rows[identity] for identity in self._entered if identity in self._rows]
        summary = summarise([*self._placed(rows), *self._refused])
        if not summary.rows:
            say("nothing to run")
            return 0
        best = summary.best.outcome.run_id if summary.best is not None else None
        for store in self._stores.values():
            patiently(tag_best, store, self.name, best)
            patiently(tag_repeats, store, summary)
        self._keep_models(summary.bests)
        self._write(finished=True, unranked=summary.unranked)
        took = duration(time.monotonic() - self._began)
        print(f"\nsweep {self.name}: {counts(summary.rows)}; {took}")
        if told := self._without_effect(self._asked):
            print(told)
        print(f"\n{table(summary)}{conclusion(summary, self.name)}")
        print(f"\nreport: {self._overview(summary)}")
        for store in self._stores.values():
            ids = [row.outcome.run_id for row in summary.rows]
            print(patiently(compare_pages, store, self.name, ids))
        return 1 if any(row.outcome.status == "failed" for row in summary.rows) else 0

    def _overview(self, summary: Summary) -> Path:
        """Write the page that compares the trials."""
        metrics, links = {}, {}
        for row in summary.rows:
            run_id = row.outcome.run_id
            if run_id is None or row.resolved is None:
                continue
            run = patiently(get_run, self._store(row.resolved), run_id)
            metrics[run_id] = run.metrics
            if run.address is not None:
                links[run_id] = run.address
        path = self.workspace.sweep_page(self.name)
        first = next(iter(self._entered.values()))
        plots = Plots.model_validate(first.resolved.section("evaluation.plots"))
        write(path, self.name, summary, metrics, links, plots)
        return path.relative_to(self.workspace.root)

    def _row(self, trial: Trial, outcome: Outcome) -> Row:
        row = Row(trial.resolved, self._shown(trial.overrides), outcome, None)
        if outcome.run_id is None or outcome.status not in ("new", "resumed", "reused"):
            return row
        store = self._store(trial.resolved)
        worth = patiently(worth_of, store, outcome.run_id, self.metric, self.direction)
        return replace(row, score=worth.score, ranks=worth.ranks, tested=worth.tested)

    def _shown(self, overrides: tuple[str, ...]) -> tuple[str, ...]:
        """What tells a trial from the others: ``lr=0.1``, longer where that is ambiguous."""
        names = shortened(self._varying)
        parts = (text.partition("=") for text in overrides)
        words = (f"{names[key]}={value}" for key, _, value in parts if key in names)
        return tuple(words) or overrides

    def _without_effect(self, asked: int) -> str | None:
        """What of the overrides has no effect, and how many trials are left of those asked for."""
        words = "; ".join(
            in_words(
                (trial.resolved, effect)
                for identity, trial in self._entered.items()
                for effect in self._effects.get(identity, ())
            )
        )
        count = len(self._entered)
        if asked <= count:
            return words or None
        return (
            f"{asked} {self._asked_for}, {count} {'trial' if count == 1 else 'trials'}:"
            f" {words or 'the others are the same trainings again'}"
        )

    def measured_on(self, row: Row) -> str:
        """Which rows the score of a trial is of: see `plait.sweeps.measured_on`."""
        assert row.resolved is not None
        assert row.score is not None
        assert row.outcome.run_id is not None
        metric = row.score.metric
        key = (data_digest(row.resolved), metric.partition("/")[0])
        if key not in self._measured_on:
            run_id = row.outcome.run_id
            self._measured_on[key] = patiently(
                measured_on, self.workspace, row.resolved, run_id, metric, self._store
            )
        return self._measured_on[key]

    def _placed(self, rows: list[Row]) -> list[Row]:
        """The rows, each with what it was measured on."""
        data = {
            data_digest(row.resolved)
            for row in rows
            if row.resolved is not None and row.score is not None
        }
        if len(data) <= 1:
            return rows
        return [
            row if row.score is None else replace(row, measured_on=self.measured_on(row))
            for row in rows
        ]

    def _reused(self, trial: Trial) -> Outcome | None:
        """The outcome of a trial that is done; known without a process for it."""
        if self.fresh:
            return None
        store = self._store(trial.resolved)
        run = patiently(run_of_identity, store, trial.resolved.identity)
        if run is None or not is_done(run, trial.resolved):
            return None
        return Outcome("reused", 0.0, reuse(run, sweep_tags(trial, run)))

    def _store(self, resolved: Resolved) -> Store:
        key = json.dumps(resolved["tracking"], sort_keys=True)
        if key not in self._stores:
            self._stores[key] = patiently(open_store_of, self.workspace, resolved)
        return self._stores[key]

    def _keep_models(self, bests: tuple[Row, ...]) -> None:
        """Log the models of the best trials, which their folders hold."""
        kept: dict[str, tuple[Row, ...]] = {"best": bests, "all": tuple(self._rows.values())}
        for row in kept.get(self._keep, ()):
            if row.resolved is None or row.score is None:
                continue
            data = self.workspace.trial_data(data_digest(row.resolved))
            outputs = outputs_of(self.workspace, row.resolved, data)
            if data.exists() and (outputs.mark("model")).exists():
                trial = Trial(row.resolved, row.overrides, self.name)
                with held_trial(self.workspace, row.resolved, wait=True):
                    patiently(record_trial, self.workspace, trial, outputs, {})

    def _enter(self, trials: list[Trial]) -> None:
        """Take note of trials before they begin."""
        known = len(self._entered)
        for trial in trials:
            self._entered.setdefault(trial.resolved.identity, trial)
        if len(self._entered) > known:
            self._write(finished=False)

    def _write(self, finished: bool, unranked: str | None = None) -> None:
        """Leave on disk which trials the sweep has, for `plait gc`, and why none is the best."""
        trials = [
            {
                "identity": identity,
                "experiment": trial.resolved.name,
                "data": data_digest(trial.resolved),
                "overrides": list(trial.overrides),
            }
            for identity, trial in self._entered.items()
        ]
        write_json(
            self.workspace.sweeps / f"{self.name}.json",
            {"name": self.name, "finished": finished, "unranked": unranked, "trials": trials},
        )
