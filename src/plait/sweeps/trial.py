"""One trial: an experiment generated, trained, evaluated and recorded in this process.

The same functions as DVC's stages, on a folder of the trial's own. The identity decides what is
left to do, so that a trial that was interrupted anywhere is simply run again.
"""

import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from filelock import FileLock

from plait.artifacts import write_text
from plait.config.resolved import Resolved
from plait.errors import Pruned, UserError
from plait.json_types import Values
from plait.locks import held, lock_named
from plait.pipeline.entry import check_packages
from plait.pipeline.in_process import clear_results, run_stage, run_stages
from plait.pipeline.record import write_page
from plait.pipeline.stages import STAGES, TRAINING
from plait.proof.stage import proved
from plait.signals import is_termination
from plait.sweeps.menu import pruning_module
from plait.sweeps.trial_data import data_digest, trial_data
from plait.tracking.live.claim import claim
from plait.tracking.live.delivery import deliver_journal
from plait.tracking.live.refused import fail
from plait.tracking.query.run import RecordedRun, run_of_identity
from plait.tracking.record.record import evaluation_digest, record
from plait.tracking.runs import outcome
from plait.tracking.store.reaper import open_store_of
from plait.tracking.store.retry import BETWEEN_TRIES, patiently
from plait.tracking.store.store import Store, StoreBroken, StoreUnavailable, translate_errors
from plait.tracking.tags import MEASURED_BY, OVERRIDES, SWEEPS
from plait.workspace import Outputs, Workspace

if TYPE_CHECKING:
    from plait.training.job import Observe

Status = Literal["new", "resumed", "reused", "failed", "pruned", "busy"]


class Watched(TypedDict, total=False):
    """What `plait.sweeps.pruning.watcher` takes; empty of a trial that no search has drawn."""

    storage: str
    study: str
    number: int
    metric: str | None
    pruner: Values | None


class TrialValues(TypedDict):
    """The fields of a trial, as they travel to another process."""

    resolved: Values
    overrides: Sequence[str]
    sweep: str | None
    keep_model: bool
    fresh: bool
    search: Watched


class OutcomeValues(TypedDict):
    """The fields of an outcome, as they travel back."""

    status: Status
    seconds: float
    run_id: str | None
    reason: str | None


@dataclass(frozen=True)
class Trial:
    """A training that is to be run, and how."""

    resolved: Resolved
    overrides: tuple[str, ...] = ()
    """What the command line set, as it stands in tables and tags."""
    sweep: str | None = None
    keep_model: bool = True
    """Log the model in MLflow at once."""
    fresh: bool = False
    """Train it anew, although it is done."""
    search: Watched = field(default_factory=Watched)
    """What a search's ``watcher`` takes, where a search may prune it."""

    def to_json(self) -> TrialValues:
        """The trial as it travels to another process."""
        return {
            "resolved": self.resolved.values,
            "overrides": self.overrides,
            "sweep": self.sweep,
            "keep_model": self.keep_model,
            "fresh": self.fresh,
            "search": self.search,
        }

    @classmethod
    def from_json(cls, values: TrialValues) -> "Trial":
        """The trial of which `to_json` gave the values."""
        return cls(
            Resolved(values["resolved"]),
            tuple(values["overrides"]),
            values["sweep"],
            values["keep_model"],
            values["fresh"],
            values["search"],
        )


@dataclass(frozen=True)
class Outcome:
    """How a trial ended."""

    status: Status
    seconds: float
    run_id: str | None = None
    reason: str | None = None
    """Why it failed or was pruned."""

    def to_json(self) -> OutcomeValues:
        """The outcome as it travels to another process."""
        return {
            "status": self.status,
            "seconds": self.seconds,
            "run_id": self.run_id,
            "reason": self.reason,
        }

    @property
    def reason_in_short(self) -> str:
        """Its first line."""
        return (self.reason or "").partition("\n")[0].rstrip(" :;,")


def run_trial(workspace: Workspace, trial: Trial, wait: bool = True) -> Outcome:
    """Run a trial, unless it is done.

    :param wait: for another process that runs exactly this; else the outcome is ``busy``.
    :raises SystemExit: at SIGTERM; the next call goes on.
    """
    began = time.monotonic()
    with held_trial(workspace, trial.resolved, wait) as mine:
        if not mine:
            return Outcome("busy", 0.0)
        try:
            status, run_id, reason = _run(workspace, trial, wait)
        except (StoreUnavailable, StoreBroken) as error:
            status, run_id, reason = "failed", None, str(error)
    return Outcome(status, time.monotonic() - began, run_id, reason)


def held_trial(
    workspace: Workspace, resolved: Resolved, wait: bool
) -> AbstractContextManager[bool]:
    """Hold a trial against other processes of this machine.

    :param wait: for the process that holds it.
    :returns: gives whether it is held now.
    """
    waiting = f"{resolved.name}: waiting for a process that runs exactly this" if wait else None
    return held(trial_lock(workspace, resolved.identity), waiting=waiting)


def trial_lock(workspace: Workspace, identity: str) -> FileLock:
    """The lock of a trial, not yet held."""
    return lock_named(workspace, f"trial-{identity}")


def is_done(run: RecordedRun | None, resolved: Resolved) -> bool:
    """Whether a run is recorded to the end, measured as ``resolved`` would measure it."""
    return (
        run is not None
        and run.finished
        and run.tags.get(MEASURED_BY) == evaluation_digest(resolved)
    )


def outputs_of(workspace: Workspace, resolved: Resolved, data: Path) -> Outputs:
    """Where a trial writes."""
    receipts = workspace.trial_receipts(data_digest(resolved))
    return Outputs(data, workspace.trial(resolved.name, resolved.identity), data_receipts=receipts)


def reuse(run: RecordedRun, tags: dict[str, str]) -> str:
    """Mark a run that is done as a trial of this sweep too.

    :returns: its id.
    """
    if tags.items() - run.tags.items():
        run.set_tags(tags)
    return run.run_id


def record_failure(workspace: Workspace, trial: Trial, reason: str) -> str | None:
    """Leave the reason on the trial's run, which is made if it died too early to have one.

    :returns: the run's id; None if the store does not answer.
    """
    resolved = trial.resolved
    try:
        store = open_store_of(workspace, resolved)
        with translate_errors(store.backend.uri):
            deliver_journal(store, resolved.identity)
        tags = sweep_tags(trial, run_of_identity(store, resolved.identity))
        return fail(store, resolved, tags, reason)
    except (StoreUnavailable, StoreBroken) as error:
        say(f"{resolved.name}: its failure could not be recorded: {error}")
        return None


def say(text: str) -> None:
    """Tell the user, beside the results."""
    print(text, file=sys.stderr, flush=True)


def _run(workspace: Workspace, trial: Trial, wait: bool) -> tuple[Status, str | None, str | None]:
    resolved = trial.resolved
    while True:
        store = patiently(open_store_of, workspace, resolved)
        run = patiently(run_of_identity, store, resolved.identity)
        tags = sweep_tags(trial, run)
        if run is not None and is_done(run, resolved) and not trial.fresh:
            return "reused", reuse(run, tags), None
        if patiently(claim, store, resolved, run, tags):
            break
        if not wait:
            return "busy", None, None
        time.sleep(BETWEEN_TRIES)

    results = workspace.trial(resolved.name, resolved.identity)
    if trial.fresh:
        shutil.rmtree(workspace.checkpoints(resolved.identity), ignore_errors=True)
    # What is on disk counts as long as its run does: one deleted in the UI is made anew.
    if trial.fresh or run is None:
        clear_results(outputs_of(workspace, resolved, results))
    resumed = outputs_of(workspace, resolved, results).receipt("train").exists() or any(
        workspace.checkpoints(resolved.identity).rglob("*.ckpt")
    )
    try:
        run_id = _go_through(workspace, trial, tags)
    except Pruned as pruned:
        return "pruned", _run_id(store, resolved), str(pruned)
    except (Exception, SystemExit) as error:
        if is_termination(error):
            raise
        reason = _reason(error)
        return "failed", record_failure(workspace, trial, reason), reason
    return ("resumed" if resumed else "new"), run_id, None


def _reason(error: BaseException) -> str:
    """Why a trial failed, in words; a traceback goes where its other output goes."""
    if isinstance(error, UserError):
        return str(error)
    if not isinstance(error, SystemExit):
        import traceback

        traceback.print_exception(error)
    return outcome(error)[1] or "it ended the process without an error"


def _go_through(workspace: Workspace, trial: Trial, tags: dict[str, str]) -> str:
    """What is left to do of the stages.

    :returns: the run's id.
    """
    resolved = trial.resolved
    for stage in STAGES:
        check_packages(stage, resolved)

    def generate_into(there: Outputs) -> None:
        run_stage("generate", workspace, resolved, there)

    data = trial_data(workspace, resolved, generate_into)
    outputs = outputs_of(workspace, resolved, data)
    outputs.results.mkdir(parents=True, exist_ok=True)
    write_text(outputs.resolved, resolved.text())
    run_stages(workspace, resolved, outputs, {TRAINING: (_watch(trial), tags)})
    return patiently(record_trial, workspace, trial, outputs, tags)


def record_trial(workspace: Workspace, trial: Trial, outputs: Outputs, tags: dict[str, str]) -> str:
    """Complete the trial's run; as often as one likes.

    :returns: its id.
    """

    def render_report(facts: dict[str, str]) -> dict[str, Path]:
        page = outputs.page
        write_page(page, trial.resolved, outputs, facts)
        return {page.name: page}

    with proved("record", workspace, trial.resolved, outputs):
        recorded = record(
            workspace,
            trial.resolved.handed_to("record"),
            outputs,
            render_report,
            keep_model=trial.keep_model,
            tags=tags,
        )
    return recorded.run_id


def _watch(trial: Trial) -> "Observe | None":
    if not trial.search:
        return None
    watch: Observe | None = pruning_module().watcher(**trial.search)
    return watch


def sweep_tags(trial: Trial, run: RecordedRun | None) -> dict[str, str]:
    """What makes a run a trial; of a run that was one before, of both sweeps."""
    if trial.sweep is None:
        return {}
    before = run.sweeps if run is not None else []
    sweeps = [*(name for name in before if name != trial.sweep), trial.sweep]
    return {SWEEPS: ", ".join(sweeps), OVERRIDES: " ".join(trial.overrides)}


def _run_id(store: Store, resolved: Resolved) -> str | None:
    run = run_of_identity(store, resolved.identity)
    return None if run is None else run.run_id
