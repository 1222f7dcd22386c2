"""A recorded run by what people call it: an id, a name, an experiment, the best of a sweep."""

import re
from collections.abc import Iterator

from plait.artifacts import read_json
from plait.config.resolved import Resolved
from plait.errors import ConfigurationError, UserError
from plait.json_types import Values, text_at
from plait.tracking.query.run import RecordedRun, runs_that
from plait.tracking.store.backend import backend_of
from plait.tracking.store.reaper import open_in_order
from plait.tracking.store.store import Store, translate_errors
from plait.tracking.tags import BEST_OF, EXPERIMENT
from plait.workspace import Workspace

SHORTEST_ID = 6
"""Characters of a run's id by which it can be called."""


def find(workspace: Workspace, reference: str) -> RecordedRun:
    """The run that ``reference`` means.

    :param reference: a run's id or the start of it; its name, such as ``lr=0.1``, alone or behind
        its experiment's, where finished runs and then newer ones come first; the name of an
        experiment, for the newest finished run of it; ``best`` for the best trial of the newest
        sweep, or ``best:SWEEP``.
    :raises UserError: if there is no such run, several ids start so, or runs of several experiments
        have the name.
    """
    for store in open_stores(workspace):
        found = _find(store, reference)
        if found is not None:
            return found
    raise UserError(
        f"no run {reference!r}: neither a run's id or name, an experiment with a finished run, nor"
        " best:SWEEP;\n  `plait runs` lists those there are"
    )


def open_stores(workspace: Workspace) -> Iterator[Store]:
    """Where runs of this checkout may be: its own store, and the servers its experiments name."""
    for choice, settings in _trackings(workspace):
        with translate_errors(backend_of(workspace, choice, settings).uri):
            store = open_in_order(workspace, choice, settings)
        yield store


def _find(store: Store, reference: str) -> RecordedRun | None:
    if reference == "best" or reference.startswith("best:"):
        return _best(store, reference.removeprefix("best").removeprefix(":"))
    _check_quotes(reference)
    named = _named(store, reference)
    finished = [run for run in named if run.finished]
    if finished:
        return finished[-1]
    of_experiment = f"tags.`{EXPERIMENT}` = '{reference}' and attributes.status = 'FINISHED'"
    newest = runs_that(store, of_experiment)[-1:]
    if newest:
        return newest[0]
    if re.fullmatch(f"[0-9a-f]{{{SHORTEST_ID},32}}", reference):
        found = runs_that(store, f"attributes.run_id LIKE '{reference}%'")
        if len(found) > 1:
            ids = ", ".join(run.run_id for run in found[:3])
            raise UserError(f"several runs have an id that starts with {reference}: {ids}")
        if found:
            return found[0]
    return named[-1] if named else None


def _named(store: Store, reference: str) -> list[RecordedRun]:
    """The runs of a name, ``lr=0.1`` or ``linear_regression lr=0.1``, the oldest first."""
    runs = runs_that(store, f"attributes.run_name = '{reference}'")
    experiment, _, name = reference.partition(" ")
    if name:
        of_experiment = f"tags.`{EXPERIMENT}` = '{experiment}'"
        runs += runs_that(store, f"attributes.run_name = '{name}' and {of_experiment}")
    experiments = sorted({run.experiment for run in runs})
    if len(experiments) > 1:
        ways = ", ".join(f"'{experiment} {reference}'" for experiment in experiments)
        raise UserError(f"several experiments have a run {reference!r}; say which: {ways}")
    return runs


def _best(store: Store, sweep: str) -> RecordedRun | None:
    """The best trial of a sweep; of the one that ended last where none is named.

    That is the last launch from this checkout, all of whose trials may have been done before; where
    there was none, the sweep whose best trial is the newest.

    :raises UserError: if that sweep ended without one, saying why.
    """
    _check_quotes(sweep)
    ended = _last_sweep(store.workspace, sweep)
    if ended is not None and ended.get("unranked"):
        name = ended["name"]
        raise UserError(
            f"sweep {name} has no best trial: {ended['unranked']};\n"
            f"  `plait runs --sweep {name}` lists its trials: name one by its id"
        )
    if ended is not None:
        sweep = text_at(ended, "name")
    bests = [
        run
        for run in runs_that(store, f"tags.`{BEST_OF}` LIKE '%{sweep}%'")
        if not sweep or sweep in run.best_of
    ]
    return max(bests, key=lambda run: run.ended or 0, default=None)


def _last_sweep(workspace: Workspace, name: str) -> Values | None:
    """What a sweep's last launch here left of it; without a name, of the one that ended last."""
    paths = sorted(workspace.sweeps.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    left: list[Values] = [read_json(path) for path in paths if name in ("", path.stem)]
    return next((sweep for sweep in reversed(left) if sweep["finished"]), None)


def _check_quotes(reference: str) -> None:
    if "'" in reference or "%" in reference:
        raise UserError(f"no run {reference!r}: no name of a run, experiment or sweep holds ' or %")


def _trackings(workspace: Workspace) -> list[tuple[str, Values]]:
    found: list[tuple[str, Values]] = []
    if workspace.database.exists():
        found.append(("local", {}))
    for path in workspace.all_resolved():
        try:
            resolved = Resolved.read(path)
        except ConfigurationError:
            continue  # one that cannot be composed is recorded nowhere; its own stages say so
        if resolved.choice("tracking") == "server":
            settings = resolved.settings("tracking")
            if ("server", settings) not in found:
                found.append(("server", settings))
    return found
