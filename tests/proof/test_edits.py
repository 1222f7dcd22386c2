"""People edit while a training runs: what concerns it is refused, all else fails nothing."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from checkouts import Checkout, copy_project
from plait.config.resolved import Resolved
from plait.tracking.store.store import open_store
from plait.workspace import Workspace

HOOK = """
import sys, importlib.abc
from pathlib import Path

ARMED = "plait.pipeline.{stage}" in sys.orig_argv

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        global ARMED
        if ARMED and name == "{moment}":
            ARMED = False
            for file, text in {edits!r}.items():
                Path(file).write_text(text)

sys.meta_path.insert(0, Watch())
"""

HARMLESS = {
    # A comment in code that runs, and statements in code that does not, that draws, or records.
    "src/plait/models/linear.py": "\n# a remark\n",
    "src/plait/models/svm.py": "\nEDITED = 1\n",
    "src/plait/evaluation/plots/canvas.py": "\nEDITED = 1\n",
    "src/plait/tracking/record/record.py": "\nEDITED = 1\n",
    # What this training runs by, edited once it has begun.
    "src/plait/training/progress.py": "\nEDITED = 1\n",
    "conf/experiment/linear_regression.yaml": "\nevaluation: {plots: {dpi: 50}}\n",
    "params.yaml": "\n# a remark\n",
}

STAGES = ("generate", "pretrain", "train", "calibrate", "evaluate", "record")


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = copy_project(tmp_path_factory.mktemp("edits") / "project")
    short = {"trainer": {"max_epochs": 2}, "evaluation": {"resamples": 20}}
    checkout.list_experiments({"linear_regression": short})
    checkout.plait("compose")
    return checkout


def run(checkout: Checkout, stage: str, **hook: Any) -> None:
    """Run a stage.

    :param hook: edits as text by file, and the moment: a module that is about to be imported.
    """
    environment = {"PYTHONPATH": str(checkout.root / "src")}
    command = ("-m", f"plait.pipeline.{stage}", "linear_regression")
    if not hook:
        checkout.run("python", *command, env=environment)
        return
    # Beside the project: within, it would be part of what is recorded, and act again in a rebuild.
    path = checkout.root.parent / "hook" / "sitecustomize.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(HOOK.format(stage=stage, **hook))
    environment["PYTHONPATH"] += os.pathsep + str(path.parent)
    # In a process of its own, which imports everything itself.
    checkout.run(sys.executable, *command, env=environment)


def metrics(checkout: Checkout) -> dict[str, float]:
    path = Workspace.at(checkout.root).outputs("linear_regression")["metrics"]
    found: dict[str, float] = json.loads(path.read_text())
    path.unlink()
    return found


@pytest.mark.slow
def test_edits_beside_a_training_fail_nothing_and_change_no_number(composed: Checkout) -> None:
    for stage in STAGES[:5]:
        run(composed, stage)
    clean = metrics(composed)
    before = {file: (composed.root / file).read_text() for file in HARMLESS}
    edits = {file: before[file] + addition for file, addition in HARMLESS.items()}
    run(composed, "train", moment="lightning.pytorch", edits=edits)
    own = "src/plait/training/progress.py"
    assert (composed.root / own).read_text() != before[own]
    # The next stage begins with what concerns it as it was composed.
    (composed.root / own).write_text(before[own])
    for stage in STAGES[3:]:
        run(composed, stage)
    assert metrics(composed) == clean
    assert Path(composed.root / "mlruns/recorded/linear_regression.json").exists()
    resolved = Resolved.read(composed.root / "resolved" / "linear_regression.yaml")
    assert resolved.named_identity == resolved.identity
    for file, text in before.items():
        (composed.root / file).write_text(text)


@pytest.mark.slow
def test_patch_and_packaged_code_are_those_that_ran_although_they_were_put_back(
    composed: Checkout,
) -> None:
    file = "src/plait/models/linear.py"
    committed = (composed.root / file).read_text()
    edited = f"{committed}\nMARK = 'ran'\n"
    (composed.root / file).write_text(edited)
    composed.plait("compose")
    for stage in STAGES[:2]:
        run(composed, stage)
    moments = {"train": "pandas", "record": "mlflow"}
    for stage in STAGES[2:]:
        moment = moments.get(stage)
        run(composed, stage, **({"moment": moment, "edits": {file: committed}} if moment else {}))
        if moment:
            assert (composed.root / file).read_text() == committed
        (composed.root / file).write_text(edited)
    (composed.root / file).write_text(committed)
    store = open_store(Workspace.at(composed.root), "local", {})
    marked = [
        path.relative_to(store.workspace.root).parts[-2:]
        for path in store.workspace.store.rglob("*")
        if path.is_file() and "MARK = 'ran'" in path.read_text(errors="replace")
    ]
    assert sorted(marked) == [("code", "uncommitted.patch"), ("models", "linear.py")]
    newest = max(store.runs(""), key=lambda run: run.info.start_time)
    assert "identical" in composed.plait("rebuild", newest.info.run_id).stdout
