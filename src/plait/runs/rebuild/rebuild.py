"""``plait rebuild``: a recorded run made again by its own commit, and every number compared."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from plait.artifacts import read_json, write_text
from plait.config.levels import read_yaml
from plait.config.packages import installed_version, read_lock
from plait.config.registry import family_of
from plait.config.renamed import read_today
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.json_types import Values, mapping_at
from plait.runs.rebuild.comparison import (
    INCOMPARABLE,
    SAME,
    UNRECORDED,
    Compared,
    Comparison,
    Verdict,
    arrays_distance,
    compare,
)
from plait.runs.rebuild.user_files import put_in_place
from plait.runs.worktree import has_commit, worktree
from plait.signals import end_at_sigterm
from plait.tracking.query.find import find
from plait.tracking.query.run import RecordedRun
from plait.tracking.record import source_patch
from plait.tracking.record.numbers import curve_rows, final_values, pretraining_rows
from plait.tracking.record.weights import model_digest
from plait.tracking.tags import (
    DEVICES,
    DIRTY,
    MEASURED_BY,
    PATCH,
    REBUILT,
    SOURCE_MEASURES,
    WEIGHTS,
    WITHOUT,
)
from plait.training.devices import check_devices, describe_devices
from plait.training.settings import Settings
from plait.workspace import CONF, LOCK, PIPELINE, SRC, Outputs, Workspace

if TYPE_CHECKING:
    import numpy as np

Model = TypeVar("Model", bound=BaseModel)

_MODULE = re.compile(r"python -m (plait\.\S+)")


def rebuild(workspace: Workspace, reference: str, tolerance: float) -> int:
    """Rebuild a run, print what became of each number, and leave the verdict on the run.

    :param reference: as `plait.tracking.query.find.find` takes it.
    :param tolerance: relative difference up to which numbers are within tolerance.
    :returns: exit status; 1 if the numbers are different.
    :raises UserError: with status 2, if the run can't be rebuilt.
    """
    end_at_sigterm()
    try:
        if not 0 <= tolerance < 1:
            raise UserError(f"--tolerance: {tolerance} is not a number of at least 0 and below 1")
        verdict = _rebuild(workspace, find(workspace, reference), tolerance)
    except UserError as error:
        raise UserError(str(error), status=2) from error
    return 1 if verdict == "different" else 0


@dataclass(frozen=True)
class Source:
    """What it takes to make a run again."""

    commit: str
    patch: bytes
    resolved: Resolved


def _rebuild(workspace: Workspace, run: RecordedRun, tolerance: float) -> Verdict:
    _say("run", f"{run.name} ({run.run_id})")
    source = _source(workspace, run)
    resolved = source.resolved
    _check_packages(resolved)
    _say_devices(run, resolved)
    with worktree(workspace, source.commit, run.run_id, source.patch) as tree:
        changes = " with its uncommitted changes" if source.patch else ""
        _say("source", f"commit {source.commit[:12]}{changes}, in a worktree for the while")
        _say("packages", _other_packages(tree))
        if files := resolved.user_files:
            put_in_place(workspace.root, tree, files)
            _say("data", f"as recorded: {', '.join(files)}")
        there = Workspace(tree, tree)
        # The store of the worktree itself, and no server: the recorded run is only looked at.
        local = Resolved({**resolved.values, "tracking": {"choice": "local"}})
        write_text(there.resolved(resolved.name), local.text())
        outputs = there.outputs(resolved.name)
        outputs["metrics"].unlink(missing_ok=True)  # of the commit
        for stage, module in modules_of_stages(tree / PIPELINE):
            _run_stage(tree, stage, module, resolved.name)
        comparison = _compare(run, outputs)
    print(f"\n{comparison.table()}\n\n{comparison.conclusion(tolerance)}")
    verdict = comparison.verdict(tolerance)
    run.set_tags({REBUILT: f"{verdict} ({time.strftime('%Y-%m-%d')})"})
    return verdict


def _source(workspace: Workspace, run: RecordedRun) -> Source:
    """The source of a run, as the run says it.

    :raises UserError: if that is not enough.
    """
    tags = run.tags
    commit = tags.get(source_patch.COMMIT)
    if not run.finished:
        raise UserError(f"it is {run.status}, and only a finished run can be rebuilt")
    if commit is None:
        raise UserError("it has no commit: it was recorded outside of a git repository")
    if not has_commit(workspace.root, commit):
        raise UserError(
            f"its commit {commit[:12]} is not in this repository: `git fetch` it from the clone"
            f" that recorded the run, which keeps it as {source_patch.KEPT}{commit[:12]}…"
        )
    if tags.get(SOURCE_MEASURES, tags.get(MEASURED_BY)) != tags.get(MEASURED_BY):
        raise UserError(
            "it was trained, or trained again, and not measured since: the same `dvc repro` or"
            " `plait run` measures it"
        )
    return Source(commit, _patch(run), run.recorded_configuration)


def _patch(run: RecordedRun) -> bytes:
    tags = run.tags
    if tags.get(DIRTY) != "true":
        return b""
    for line in tags.get(WITHOUT, "").splitlines():
        path, _, reason = line.rpartition(": ")
        # Of the files below data/, those that matter are looked for by their digests.
        if path.startswith((f"{SRC}/", f"{CONF}/")):
            raise UserError(
                f"{path} was not committed, and not kept with the run: {reason};\n"
                "  commit such a file, or let git ignore it, before a run"
            )
    kept = tags.get(PATCH)
    if kept == source_patch.EMPTY:
        return b""
    content = run.patch() if kept not in (None, *source_patch.WITHOUT_PATCH) else None
    if content is None or source_patch.digest(content) != kept:
        why = f" ({kept})" if kept in source_patch.WITHOUT_PATCH else ""
        raise UserError(f"its tree had uncommitted changes, and no patch of them was kept{why}")
    return content


def _check_packages(resolved: Resolved) -> None:
    """:raises UserError: if a package that computes is here in another version."""
    recorded: Values = {}
    packages = resolved.section("packages")
    for stage in packages:
        recorded |= mapping_at(packages, stage)
    other = [
        f"{name} {recorded[name]} (here {installed_version(name) or 'none'})"
        for name in sorted(recorded)
        if installed_version(name) != recorded[name]
    ]
    if other:
        raise UserError(
            f"it was computed by other packages: {', '.join(other)};\n"
            f"  install what the {LOCK} of its commit says"
        )


def _other_packages(tree: Path) -> str:
    """How the packages here differ from the lock of the commit, those that compute being equal."""
    other = [
        f"{name} {locked} (here {installed_version(name)})"
        for name, locked in sorted(read_lock(tree / LOCK).items())
        if installed_version(name) not in (None, locked)
    ]
    if not other:
        return f"as in the {LOCK} of the commit"
    more = f" and {len(other) - 5} more" if len(other) > 5 else ""
    return f"that compute, as recorded; others differ: {', '.join(other[:5])}{more}"


def _say_devices(run: RecordedRun, resolved: Resolved) -> None:
    """:raises UserError: if this machine lacks the devices that the configuration asks for."""
    here = "cpu"
    if family_of(resolved.choice("model")).by_gradient:
        settings = _unchecked(Settings, read_today(resolved).section("trainer"))
        check_devices(settings)
        here = describe_devices(settings)
    then = run.tags.get(DEVICES)
    if then in (None, here):
        _say("devices", here)
    else:
        _say("devices", f"{here}, but it was trained on {then}, which may round differently")


def _unchecked(cls: type[Model], values: Values) -> Model:
    """Recorded settings: of another commit, they may have other fields."""
    return cls.model_construct(None, **values)


def modules_of_stages(pipeline: Path) -> list[tuple[str, str]]:
    """The stages of an experiment that compute, and the module that runs each, as the ``dvc.yaml``
    of a commit has them.

    :raises UserError: if it has none.
    """
    found = []
    stages = read_yaml(pipeline).get("stages") or {}
    for stage, entry in stages.items() if isinstance(stages, dict) else ():
        done = entry.get("do") if isinstance(entry, dict) else None
        command = done.get("cmd", "") if isinstance(done, dict) else ""
        module = _MODULE.search(str(command))
        if module is not None and stage != "record":
            found.append((stage, module[1]))
    if not found:
        raise UserError(f"the {pipeline.name} of its commit has no stages that plait can run")
    return found


def _run_stage(tree: Path, stage: str, module: str, name: str) -> None:
    """Run a stage by the code of the worktree.

    :raises UserError: if it fails, after what it printed.
    """
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_"))
    }
    began = time.monotonic()
    print(f"{stage:<10}", end="", flush=True)
    answer = subprocess.run(
        [sys.executable, "-m", module, name],
        cwd=tree,
        env={**environment, "PYTHONPATH": str(tree / SRC)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(f"{time.monotonic() - began:.1f} s" if not answer.returncode else "failed")
    if answer.returncode:
        print(answer.stdout, file=sys.stderr)
        raise UserError(f"stage {stage} exited with {answer.returncode}, as printed above")


def _compare(run: RecordedRun, outputs: Outputs) -> Comparison:
    try:
        evaluation = read_json(outputs.mark("evaluation"))
        finals = final_values(read_json(outputs["metrics"]), evaluation)
        rows = [*curve_rows(outputs["curves"], 0), *pretraining_rows(outputs, 0)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"its commit writes results that this version cannot read ({error})"
        ) from error
    curves: dict[str, dict[int, float]] = {}
    for row in rows:
        for key, value in row.values.items():
            curves.setdefault(key, {})[row.step] = value
    history = {key: run.points(key) for key in run.metrics}
    return compare(run.metrics, history, finals, curves, compare_weights(run, outputs))


def compare_weights(run: RecordedRun, outputs: Outputs) -> Compared:
    """By their digests; where those differ, by the weights themselves or what they predict."""
    recorded = run.tags.get(WEIGHTS, UNRECORDED)
    rebuilt = model_digest(outputs)
    if recorded == rebuilt:
        return Compared("weights", recorded, rebuilt, SAME)
    file = outputs["model"] / "weights.safetensors"
    alone = file.exists() and not list(outputs["model"].glob("*/"))
    # An ensemble is compared by what it predicts.
    weights = run.network_weights() if alone else None
    if weights is not None:
        from safetensors.torch import load_file

        arrays = {key: value.double().numpy() for key, value in load_file(file).items()}
        distance = arrays_distance(weights, arrays)
        return Compared("weights", recorded, rebuilt, distance)
    predictions = run.artifact("results/predictions.parquet")
    if predictions is None:
        return Compared("weights", recorded, rebuilt, INCOMPARABLE)
    distance = arrays_distance(
        _predictions(predictions), _predictions(outputs["evaluation"] / predictions.name)
    )
    return Compared("weights (by predictions of the test part)", recorded, rebuilt, distance)


def _predictions(path: Path) -> "dict[str, np.ndarray]":
    """The predicted numbers: of classes, their probabilities."""
    import pandas as pd

    frame = pd.read_parquet(path)
    names = [
        name
        for name in map(str, frame)
        if name.startswith(("prediction", "probability_")) and frame[name].dtype == "float64"
    ]
    return {name: frame[name].to_numpy() for name in names}


def _say(step: str, text: str) -> None:
    print(f"{step:<10}{text}", flush=True)
