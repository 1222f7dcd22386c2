"""One MLflow run an identity: found or made, described so that the UI reads well."""

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

import psutil

from plait import digests
from plait.config.resolved import Resolved
from plait.errors import Pruned
from plait.json_types import Json, Values
from plait.signals import is_termination
from plait.tracking.limits import LONGEST_PARAMETER, LONGEST_TAG
from plait.tracking.record.points import chunks
from plait.tracking.record.source_patch import COMMIT, commit_of, keep_commit
from plait.tracking.store import process
from plait.tracking.store.store import Store, precedence
from plait.tracking.tags import (
    DVC_EXPERIMENT,
    ERROR,
    EXPERIMENT,
    IDENTITY,
    PATCH,
    RESTORED,
    VERSION,
    WITHOUT,
)
from plait.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.entities import Run


def tags_of(workspace: Workspace, resolved: Resolved, stage: str) -> dict[str, str]:
    """What is worth knowing of a run that this process writes for a stage.

    Asks git and the operating system, not MLflow.
    """
    tags = {
        IDENTITY: resolved.identity,
        EXPERIMENT: resolved.name,
        VERSION: _version(),
        **process.own(),
        **commit_of(workspace.root),
        "mlflow.note.content": resolved.description,
        "mlflow.source.name": f"src/plait/pipeline/{stage}.py",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": psutil.Process().username(),
    }
    if os.environ.get("DVC_EXP_NAME"):
        tags[DVC_EXPERIMENT] = os.environ["DVC_EXP_NAME"]
    return tags


def outcome(error: BaseException | None) -> tuple[str, str | None]:
    """The status of a run that ended with ``error``, and what to say of it."""
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "FINISHED", None
    if isinstance(error, KeyboardInterrupt):
        return "KILLED", "interrupted (Ctrl-C)"
    if isinstance(error, Pruned):
        return "KILLED", f"pruned: {error}"
    if is_termination(error):
        return "KILLED", "terminated (SIGTERM)"
    if isinstance(error, SystemExit):
        return "FAILED", f"exit status {error.code}"
    return "FAILED", f"{type(error).__name__}: {error}"


def run_name(resolved: Resolved) -> str:
    """What tells the run from its like: what deviates from its experiment, ``lr=0.1 seed=1``.

    It stands in MLflow's experiment of that name, whose lists have no room to repeat it.
    """
    return resolved.label or resolved.name


def begin(
    store: Store, resolved: Resolved, tags: dict[str, str], at: int, reopen: bool = True
) -> "tuple[Run, bool]":
    """The identity's run, to be written: the one there is, or a new one.

    :param at: milliseconds since the epoch, when it began if it is new.
    :param reopen: call one that has ended running again. Its tags must then name this process:
        others call a run of a process that has gone killed.
    :returns: the run, and whether it is new.
    """
    if store.backend.local:
        _say_what_is_ignored(os.environ.get("MLFLOW_TRACKING_URI"), store.backend.uri)
    with store.lock():
        found, created = store.find_run(resolved.identity), False
        if found is None:
            run, created = make(store, resolved, tags, at)
        else:
            run = found
    run_id = run.info.run_id
    if COMMIT in tags:
        keep_commit(store.workspace.anchor, tags[COMMIT])
    # One that another machine has made at this very moment keeps that machine's tags.
    if found is not None:
        store.client.update_run(run_id, "RUNNING" if reopen else None, run_name(resolved))
        set_tags(store, run_id, tags)
        # An old failure is made good; what is trained here is no longer restored from elsewhere,
        # and another tree's changes are not this one's.
        past = [ERROR, *([RESTORED] if reopen else [])]
        past += [PATCH, WITHOUT] if COMMIT in tags else []
        for tag in past:
            if tag in run.data.tags and tag not in tags:
                store.client.delete_tag(run_id, tag)
    add_parameters(store, run, resolved.parameters())
    return store.client.get_run(run_id), created


def make(store: Store, resolved: Resolved, tags: dict[str, str], at: int) -> "tuple[Run, bool]":
    """A new run of an identity that has none; or that which another machine makes just now.

    :returns: the run, and whether it is this process that made it.
    """
    new = store.client.create_run(store.experiment(resolved.name), at, tags, run_name(resolved))
    run = new if store.backend.local else deduplicate(store, resolved.identity)
    return run, run.info.run_id == new.info.run_id


def deduplicate(store: Store, identity: str) -> "Run":
    """The run of an identity that every machine takes, as `precedence` has it: of those that run,
    the oldest. The others are deleted.

    A server has no lock, so machines that find no run at the same moment all make one. Whoever made
    the last one sees them all. Nothing is lost with a run that is deleted here: who still writes it
    is refused, and sends its whole journal again, into the run that is left.
    """
    found = list(store.runs(f"tags.`{IDENTITY}` = '{identity}'"))
    taken, *others = sorted(found, key=precedence)
    for run in others:
        store.client.delete_run(run.info.run_id)
    return taken


def end(store: Store, run_id: str, status: str, error: str | None, at: int | None = None) -> None:
    """Give a run its last status and, if something went wrong, the reason."""
    if error:
        set_tags(store, run_id, {ERROR: error})
    elif ERROR in store.client.get_run(run_id).data.tags:
        # From another process that took this run for dead meanwhile.
        store.client.delete_tag(run_id, ERROR)
    store.client.set_terminated(run_id, status, at)


def set_tags(store: Store, run_id: str, tags: dict[str, str]) -> None:
    """Set tags in one write; MLflow keeps 8000 characters of each, and the start says most."""
    from mlflow.entities import RunTag

    store.client.log_batch(run_id, tags=[RunTag(key, tags[key][:LONGEST_TAG]) for key in tags])


def add_parameters(store: Store, run: "Run", parameters: Values) -> None:
    """Record the parameters that the run lacks.

    They are part of the identity, so those it has are the same. A server refuses to take those
    that another machine adds at the very same moment.
    """
    from mlflow.entities import Param
    from mlflow.exceptions import MlflowException

    run_id = run.info.run_id
    values = {key: parameter_text(value) for key, value in parameters.items()}
    missing = _missing(values, run.data.params)
    while missing:
        try:
            for batch in chunks([Param(key, values[key]) for key in missing], 100):
                store.client.log_batch(run_id, params=batch)
            return
        except MlflowException:
            before, missing = missing, _missing(values, store.client.get_run(run_id).data.params)
            if missing == before:
                raise


def _missing(values: dict[str, str], known: dict[str, str]) -> list[str]:
    changed = {key for key in values.keys() & known.keys() if values[key] != known[key]}
    assert not changed, f"parameters of one identity differ: {sorted(changed)}"
    return [key for key in values if key not in known]


def parameter_text(value: Json) -> str:
    """A parameter as MLflow can keep it: a long one is replaced by its digest."""
    text = str(value)
    if len(text) > LONGEST_PARAMETER:
        return f"sha256:{digests.of_text(text)}"
    return text


@cache
def _say_what_is_ignored(given: str | None, uri: str) -> None:
    """Once in a process."""
    if given not in (None, "", uri):
        print(
            "plait: MLFLOW_TRACKING_URI is ignored: tracking: local records in mlruns/"
            " (tracking: server takes that address)",
            file=sys.stderr,
        )


def _version() -> str:
    from importlib.metadata import version

    return version("plait")


def log_configuration(store: Store, run_id: str, resolved: Resolved) -> None:
    """Keep the whole configuration, from which the run is made again."""
    store.client.log_text(run_id, resolved.text(), "config/resolved.yaml")
