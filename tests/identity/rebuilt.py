"""Finished runs made again from what their identities name, in trees that nobody touches.

A run's recorded configuration names values, a digest of code for each stage, and digests of the
user's files. Every content that the fuzzer has written is known, so the tree that a run names can
be put together; where there is none, the run names something that never was.
"""

import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from hashlib import md5
from itertools import product
from pathlib import Path
from typing import Any

from checkouts import ROOT
from identity import project
from identity.laboratory import Failed, asked

STAGES = ("generate", "pretrain", "train", "calibrate", "evaluate")

NUMBERS = ("train/", "val/", "pretraining/", "test", "model/")
"""Starts of the metrics that belong to an identity; others tell costs."""

SHOWN = 4
"""Differences of a run that are told."""

Combination = tuple[tuple[str, str], ...]
"""Paths and the contents chosen for them: ``base``, or the number of a change."""


@dataclass
class Run:
    """What is recorded under an identity."""

    name: str
    identity: str
    values: dict[str, Any] | None
    """The resolved configuration, as it was recorded."""
    belied: list[str]
    """What is wrong with that by itself."""
    numbers: dict[str, dict[str, float]]
    """By metric and step."""
    weights: str | None
    measured_by: str = ""
    measured: bool = True
    """Whether it was recorded to the end; else it holds what its training told."""

    @property
    def key(self) -> str:
        return f"{self.identity} {self.measured_by}"


class Rebuilder:
    """Clean results, kept by identity.

    :param template: the untouched project.
    :param folder: for trees that are put together.
    :param base: the untouched content of each file that is edited.
    """

    def __init__(self, template: Path, folder: Path, base: dict[str, bytes]) -> None:
        self._template, self._folder, self._base = template, folder, base
        self._clean: dict[str, dict[str, Any]] = {}
        self._digests: dict[str, dict[str, str]] = {}
        folder.mkdir(exist_ok=True)

    def faults(self, run: Run, written: list[int]) -> list[str]:
        """A line for each difference of a run from what its identity names.

        :param written: the changes whose content was written somewhere.
        """
        head = f"{run.name} {run.identity[:8]}"
        if run.values is None:
            return [f"{head}: FINISHED without a configuration"]
        if run.belied:
            return [f"{head}: {line}" for line in run.belied]
        if run.key not in self._clean:
            tree = self._put_together(run.values, written)
            if tree is None:
                return [f"{head}: its identity names code or files that never were"]
            try:
                self._clean[run.key] = asked(partial(train, tree, run.values), self._folder)
            except Failed as failed:
                return [f"{head}: the tree that its identity names trains nothing: {failed}"]
            finally:
                shutil.rmtree(tree)
        return [f"{head}: {line}" for line in differences(run, self._clean[run.key])]

    def _put_together(self, values: dict[str, Any], written: list[int]) -> Path | None:
        """The tree that a configuration names."""
        chosen: dict[str, bytes] = {}
        changes = {str(number): project.CHANGES[number] for number in written}
        contents: dict[str, list[str]] = {}
        for number, change in changes.items():
            contents.setdefault(change.path, ["base"]).append(number)
        for path, digest in values["files"].items():
            fitting = [
                content
                for content in map(partial(self._content, path), contents.get(path, ["base"]))
                if f"md5:{md5(content).hexdigest()}" == digest
            ]
            if not fitting:
                return None
            chosen[path] = fitting[0]
        code = {path: names for path, names in contents.items() if path.startswith("src/")}
        wanted = {stage: values["code"][stage] for stage in STAGES}
        tree = self._folder / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(self._template, tree, symlinks=True)
        for names in product(*code.values()):
            combination = tuple(zip(code, names, strict=True))
            for path, name in combination:
                (tree / path).write_bytes(self._content(path, name))
            if self._digests_of(tree, combination, values) == wanted:
                break
        else:
            return None
        for path, content in chosen.items():
            (tree / path).unlink()
            (tree / path).write_bytes(content)
        # Compiled code is trusted by the size and time of its source.
        for compiled in (tree / "src").rglob("__pycache__"):
            shutil.rmtree(compiled)
        return tree

    def _content(self, path: str, name: str) -> bytes:
        base = self._base[path]
        return base if name == "base" else project.CHANGES[int(name)].of(base.decode()).encode()

    def _digests_of(
        self, tree: Path, combination: Combination, values: dict[str, Any]
    ) -> dict[str, str]:
        own = [pair for pair in combination if pair[1] != "base"]
        key = json.dumps([own, values["model"]["choice"]])
        if key not in self._digests:
            ask = partial(code_digests, self._template, tree, values)
            self._digests[key] = asked(ask, self._folder)
        return self._digests[key]


def differences(run: Run, clean: dict[str, Any]) -> list[str]:
    """Number for number: a line with the first ones, if any differ."""
    found = []
    if run.weights != clean["weights"] and (run.measured or run.weights):
        found.append(f"weights {run.weights} recorded, {clean['weights']} by its identity")
    for metric in sorted({*run.numbers, *(clean["numbers"] if run.measured else ())}):
        if metric.startswith(NUMBERS):
            recorded, named = run.numbers.get(metric), clean["numbers"].get(metric)
            if recorded != named:
                found.append(f"{metric} {recorded} recorded, {named} by its identity")
    more = [f"{len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return ["; ".join([*found[:SHOWN], *more])] if found else []


def _use(root: Path) -> None:
    """Import the project's code of a tree from now on, in a process that knows none."""
    assert "plait" not in sys.modules
    sys.path.insert(0, str(root / "src"))
    # For the processes of a training that has several.
    os.environ["PYTHONPATH"] = str(root / "src")
    sys.dont_write_bytecode = True


def code_digests(template: Path, tree: Path, values: dict[str, Any]) -> dict[str, str]:
    """What the code of a tree is digested to, by the untouched project."""
    _use(template)
    from plait.config.closure import Code
    from plait.config.resolved import Resolved
    from plait.pipeline.stages import STAGES as TABLE

    code = Code(tree / "src")
    try:
        return {stage: code.closure(TABLE[stage], Resolved(values)).digest for stage in STAGES}
    except SyntaxError:
        return {}  # Nothing can have been composed by it.


def train(tree: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a configuration, by the stages of a tree."""
    _use(tree)
    from plait.config.resolved import Resolved
    from plait.pipeline.calibrate import calibrate
    from plait.pipeline.evaluate import evaluate
    from plait.pipeline.generate import generate
    from plait.pipeline.pretrain import pretrain
    from plait.pipeline.train import train as train_stage
    from plait.workspace import Workspace

    workspace = Workspace(tree, tree)
    resolved = Resolved({**values, "tracking": {"choice": "local"}})
    outputs = workspace.outputs(resolved.name)
    for stage in (generate, pretrain, train_stage, calibrate, evaluate):
        stage(workspace, resolved, outputs)
    return _of_outputs(outputs)


def _of_outputs(outputs: Any) -> dict[str, Any]:
    from plait.artifacts import read_json
    from plait.tracking.record.numbers import curve_rows, final_values
    from plait.tracking.record.weights import model_digest

    evaluation = read_json(outputs["evaluation"] / "evaluation.json")
    numbers: dict[str, dict[str, float]] = {}
    for key, value in final_values(read_json(outputs["metrics"]), evaluation).items():
        numbers[key] = {"0": value}
    for row in curve_rows(outputs["curves"], 0):
        for key, value in row.values.items():
            numbers.setdefault(key, {})[str(row.step)] = value
    return {"numbers": numbers, "weights": model_digest(outputs)}


def make_store(root: Path) -> None:
    """An empty tracking store, whose making would take a second in each round."""
    _use(root)
    from plait.tracking.store.store import open_store
    from plait.workspace import Workspace

    open_store(Workspace.at(root), "local", {})


def runs_of(root: Path) -> list[dict[str, Any]]:
    """The finished runs of a checkout, read from the store's files themselves."""
    _use(ROOT)
    with closing(sqlite3.connect(root / "mlruns" / "mlflow.db")) as store:
        finished = store.execute(
            "SELECT run_uuid, artifact_uri FROM runs"
            " WHERE status = 'FINISHED' AND lifecycle_stage = 'active'"
        ).fetchall()
        found = []
        for run_id, artifacts in finished:
            asking = "SELECT key, value FROM tags WHERE run_uuid = ?"
            tags = dict(store.execute(asking, (run_id,)).fetchall())
            numbers: dict[str, dict[str, float]] = {}
            asking = "SELECT key, step, value FROM metrics WHERE run_uuid = ? ORDER BY timestamp"
            for key, step, value in store.execute(asking, (run_id,)):
                numbers.setdefault(key, {})[str(step)] = value
            asking = "SELECT key, step, value FROM latest_metrics WHERE run_uuid = ?"
            belied = [
                f"{key}: {value} is shown, {numbers.get(key, {}).get(str(step))} was recorded"
                for key, step, value in store.execute(asking, (run_id,))
                if numbers.get(key, {}).get(str(step)) != value
            ]
            # Below the store's own folder, also where that was copied.
            below = str(artifacts).partition("/mlruns/")[2]
            path = root / "mlruns" / below / "config" / "resolved.yaml"
            identity = tags.get("plait.identity", "")
            given = _described(path, identity, tags.get("plait.measured_by", ""))
            given["belied"] += belied
            found.append(
                {
                    "name": f"run {tags.get('mlflow.runName', run_id)}",
                    "identity": identity,
                    "numbers": numbers,
                    "weights": tags.get("plait.weights"),
                    "measured": "plait.evaluation" in tags,
                    **given,
                }
            )
    return found


def tree_of(root: Path, name: str) -> dict[str, Any]:
    """What lies in the tree of a checkout after `dvc repro`."""
    _use(ROOT)
    from plait.config.resolved import Resolved
    from plait.workspace import Workspace

    workspace = Workspace(root, root)
    identity = Resolved.read(workspace.resolved(name)).identity
    there = _of_outputs(workspace.outputs(name))
    given = _described(workspace.resolved(name), identity, "")
    return {"name": name, "identity": identity, **there, **given}


def _described(path: Path, identity: str, measured_by: str) -> dict[str, Any]:
    """A recorded configuration, and whether it is that of the identity."""
    from plait.config.packages import installed_version
    from plait.config.resolved import Resolved
    from plait.tracking.record.record import evaluation_digest

    if not path.exists():
        return {"values": None, "belied": [], "measured_by": ""}
    resolved = Resolved.read(path)
    belied = []
    if not identity == resolved.identity == resolved.named_identity:
        belied.append(f"the recorded values are not those of the identity {identity}")
    for packages in resolved["packages"].values():
        belied += [
            f"{package} {version} is recorded, {installed_version(package)} is installed"
            for package, version in packages.items()
            if installed_version(package) != version
        ]
    return {
        "values": resolved.values,
        "belied": belied,
        "measured_by": evaluation_digest(resolved),
    }


def rewritten(path: Path, key: str, value: str) -> None:
    """Set a value of a recorded configuration, and the identity that it then has."""
    _use(ROOT)
    import yaml

    from plait.config.resolved import Resolved

    values = Resolved.read(path).values
    section, _, name = key.partition(".")
    assert name in values[section]
    values[section][name] = yaml.safe_load(value)
    values["identity"] = Resolved(values).named_identity
    path.write_text(Resolved(values).text(), encoding="utf-8")
    # The run's own tag goes with it.
    root = next(parent for parent in path.parents if parent.name == "mlruns")
    with closing(sqlite3.connect(root / "mlflow.db")) as store, store:
        statement = "UPDATE tags SET value = ? WHERE key = 'plait.identity'"
        assert store.execute(statement, (values["identity"],)).rowcount
