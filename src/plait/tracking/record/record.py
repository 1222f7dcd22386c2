"""Completing a run from the stages' outputs, as often as one likes."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plait import digests
from plait.artifacts import read_json
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset
from plait.evaluation.notation import duration, readable_size
from plait.evaluation.same_rows import rows_digest, rows_of_part, tested_rows_digest
from plait.json_types import mapping_at
from plait.proof.stage import sources
from plait.tracking import runs
from plait.tracking.cost import MEMORY, SECONDS
from plait.tracking.live.delivery import deliver_journal, deliver_journals
from plait.tracking.query.run import RecordedRun, get_run
from plait.tracking.record.logged_model import log_model, logged_model_id
from plait.tracking.record.numbers import curve_rows, final_values, pretraining_rows
from plait.tracking.record.points import Points, Row
from plait.tracking.record.source_patch import SourcePatch, commit_of, log_patch, take_patch
from plait.tracking.record.weights import model_digest
from plait.tracking.store.faults import others_write_the_same
from plait.tracking.store.reaper import open_store_of
from plait.tracking.store.retry import while_others_make_it
from plait.tracking.store.store import Store, translate_errors
from plait.tracking.tags import (
    BETTER_THAN_NAIVE,
    DIFFERENCES,
    DIRECTION,
    DIRTY,
    DVC_EXPERIMENT,
    HOST,
    MAIN_METRIC,
    MEASURED_BY,
    NAIVE_VERDICT,
    RESTORED,
    SOURCE_MEASURES,
    TESTED_ON,
    VALIDATED_ON,
    WEIGHTS,
)
from plait.workspace import Outputs, Workspace

if TYPE_CHECKING:
    from mlflow.entities import Run

DIGEST_LENGTH = 12
"""Characters of a data set's digest: MLflow keeps at most 36, its lists have room for few."""


@dataclass(frozen=True)
class Recorded:
    """What `record` found or made."""

    run_id: str
    created: bool
    """Whether there was no run of this identity before."""
    differences: tuple[str, ...]
    """A line for each number that the run has otherwise than the outputs."""


def record(
    workspace: Workspace,
    resolved: Resolved,
    outputs: Outputs,
    render_report: Callable[[dict[str, str]], dict[str, Path]],
    *,
    keep_model: bool = True,
    tags: Mapping[str, str] | None = None,
) -> Recorded:
    """Complete the run that `train` wrote live; make it if it is missing, marked as restored.

    What the run has already is compared and left alone, so that a second call adds nothing.

    :param render_report: given what `run_facts` knows of the run, writes the report and returns
        its files by name.
    :param keep_model: log the model too; of a run that has one it stays.
    :param tags: of the run, beside its own.
    :raises UserError: if the store does not answer; the outputs stay, and the next call does it.
    """
    store = open_store_of(workspace, resolved)
    with translate_errors(store.backend.uri):
        deliver_journal(store, resolved.identity)
        recorded = _record(store, resolved, outputs, render_report, keep_model, tags or {})
    deliver_journals(workspace)
    return recorded


def _record(
    store: Store,
    resolved: Resolved,
    outputs: Outputs,
    render_report: Callable[[dict[str, str]], dict[str, Path]],
    keep_model: bool,
    more_tags: Mapping[str, str],
) -> Recorded:
    now = time.time_ns() // 1_000_000
    found = store.find_run(resolved.identity)
    if found is None:
        tags = runs.tags_of(store.workspace, resolved, "record") | {RESTORED: "true"}
    else:
        # The live run knows better where and when it was trained.
        tags = {"mlflow.note.content": resolved.description}
    measured_by = evaluation_digest(resolved)
    patch = SourcePatch()
    if found is None or found.data.tags.get(SOURCE_MEASURES) != measured_by:
        # The source of a run is that of the numbers it shows, which are measured by this tree.
        # It gives the same training, as the identity says.
        source = commit_of(store.workspace.root)
        patch = take_patch(store.workspace.root, source, *sources())
        tags |= {**source, **patch.tags, SOURCE_MEASURES: measured_by}
    run, created = runs.begin(store, resolved, tags, now, reopen=False)
    run_id = run.info.run_id
    try:
        if patch.content:
            log_patch(store, run_id, patch.content)
        differences = _complete(store, run, resolved, outputs, keep_model, more_tags, now)
    except BaseException as error:
        if created:
            # Else it would say that it runs until another command looks for it.
            with suppress(Exception):  # the store may be what has failed
                runs.end(store, run_id, *runs.outcome(error))
        raise
    runs.end(store, run_id, "FINISHED", None, found.info.end_time if found else now)
    facts = run_facts(get_run(store, run_id))
    for file in render_report(facts).values():
        store.client.log_artifact(run_id, str(file), "report")
    return Recorded(run_id, created, tuple(differences))


def _complete(
    store: Store,
    run: "Run",
    resolved: Resolved,
    outputs: Outputs,
    keep_model: bool,
    more_tags: Mapping[str, str],
    now: int,
) -> list[str]:
    """Add what the run lacks.

    :param now: milliseconds since the epoch.
    :returns: a line for each number that it has otherwise than the outputs.
    """
    measured_by = evaluation_digest(resolved)
    dataset = Dataset.read(outputs.data)
    evaluation = read_json(outputs.mark("evaluation"))
    curves = curve_rows(outputs["curves"], now)

    model_id = logged_model_id(store, run)
    if keep_model and model_id is None:
        last = max((row.step for row in curves), default=0)
        model_id = log_model(store, run, resolved.name, outputs, dataset, last)
    points = Points(store.client, run)
    differences = points.add([*curves, *pretraining_rows(outputs, now)])
    final = Row(0, now, final_values(read_json(outputs["metrics"]), evaluation))
    # Measured otherwise than before, numbers may differ; measured alike, they must agree.
    anew = run.data.tags.get(MEASURED_BY, measured_by) != measured_by
    differences += points.add([final], model_id, replace=anew)
    weights = model_digest(outputs)
    known = run.data.tags.get(WEIGHTS, weights)
    if known != weights:
        differences.append(f"the weights: {known} recorded, {weights} now")
    _log_dataset(store, run, resolved, dataset)
    _log_artifacts(store, run.info.run_id, resolved, outputs)

    better = evaluation["verdict"]["better_than_naive"]
    primary = evaluation["primary"]
    tags = {
        **more_tags,
        MEASURED_BY: measured_by,
        WEIGHTS: known,
        MAIN_METRIC: f"test/{primary}",
        DIRECTION: evaluation["metrics"][primary]["direction"],
        TESTED_ON: tested_rows_digest(resolved, outputs),
        NAIVE_VERDICT: evaluation["verdict"]["text"],
        BETTER_THAN_NAIVE: "true" if better else "false",
    }
    validated = rows_of_part(outputs.data, "val")
    if validated is not None:
        tags[VALIDATED_ON] = rows_digest(resolved, validated)
    if differences:
        tags[DIFFERENCES] = "\n".join(differences)
        print(f"{resolved.name}: the run holds other numbers than these outputs:")
        for line in differences:
            print(f"  {line}")
    elif DIFFERENCES in run.data.tags:
        store.client.delete_tag(run.info.run_id, DIFFERENCES)
    runs.set_tags(store, run.info.run_id, tags)
    return differences


def evaluation_digest(resolved: Resolved) -> str:
    """One digest of what the metrics depend on beside the training."""
    values = resolved.values
    read = (mapping_at(values, key)["evaluate"] for key in ("code", "packages"))
    measured = [values["evaluation"], *read]
    return digests.of_values(measured, digests.SHORT)


def run_facts(run: RecordedRun) -> dict[str, str]:
    """What a report says of a run, in the order to show; only what is known.

    A key that ends in ``_link`` is the address of what stands under the key without it.
    """
    tags = run.tags
    facts = {"run": run.name}
    if run.address is not None:
        facts["run_link"] = run.address
    if "mlflow.source.git.commit" in tags:
        dirty = " with uncommitted changes" if tags[DIRTY] == "true" else ""
        facts["commit"] = tags["mlflow.source.git.commit"][:12] + dirty
    if DVC_EXPERIMENT in tags:
        facts["dvc_experiment"] = tags[DVC_EXPERIMENT]
    began = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.began / 1000))
    if RESTORED in tags:
        facts["restored"] = f"{began}, from outputs that were made elsewhere or before"
    else:
        costs = run.metrics
        if SECONDS in costs:
            facts["cost"] = f"{duration(costs[SECONDS])} on {tags['plait.devices']}"
            if MEMORY in costs:
                facts["cost"] += f", {readable_size(int(costs[MEMORY] * 1e6))} of memory at most"
        facts["began"] = began
    facts["run_id"] = run.run_id
    facts["host"] = tags.get(HOST, "unknown")
    if DIFFERENCES in tags:
        facts["differences"] = tags[DIFFERENCES]
    return facts


def _log_dataset(store: Store, run: "Run", resolved: Resolved, dataset: Dataset) -> None:
    from mlflow.entities import Dataset as LoggedDataset
    from mlflow.entities import DatasetInput, InputTag

    if run.inputs and run.inputs.dataset_inputs:
        return
    types = {"number": "double", "date": "datetime"}
    schema = [
        {
            "type": types.get(column.type, "string"),
            "name": column.name,
            "required": column.role in ("feature", "target"),
        }
        for column in dataset.columns
    ]
    profile = {f"{part}_rows": facts["rows"] for part, facts in dataset.parts.items()}
    logged = LoggedDataset(
        name=resolved.choice("data"),
        digest=dataset.digest[:DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": f"data/generated/{resolved.name}"}),
        schema=json.dumps({"mlflow_colspec": schema}),
        profile=json.dumps(profile),
    )
    context = [InputTag("mlflow.data.context", "training")]
    inputs = [DatasetInput(logged, context)]
    # Of two trials that are the first on their data, MLflow refuses one.
    while_others_make_it(
        lambda: store.client.log_inputs(run.info.run_id, inputs), others_write_the_same
    )


def _log_artifacts(store: Store, run_id: str, resolved: Resolved, outputs: Outputs) -> None:
    runs.log_configuration(store, run_id, resolved)
    for file in (outputs["metrics"], outputs["curves"], *sorted(outputs["evaluation"].glob("*.*"))):
        store.client.log_artifact(run_id, str(file), "results")
    for plot in sorted(outputs["plots"].glob("*.png")):
        store.client.log_artifact(run_id, str(plot), "plots")
