"""People edit while a training runs: what concerns it is refused, all else fails nothing."""

import json
from pathlib import Path

import pytest

from checkouts import Checkout, copy_project
from plait.artifacts import Workspace
from plait.config.resolved import Resolved

HOOK = """
import sys, importlib.abc
from pathlib import Path

ARMED = "plait.stages.{stage}" in sys.orig_argv

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        global ARMED
        if ARMED and name == "{moment}":
            ARMED = False
            for file, addition in {edits!r}.items():
                with Path(file).open("a") as stream:
                    stream.write(addition)

sys.meta_path.insert(0, Watch())
"""

HARMLESS = {
    # A comment in code that runs, and statements in code that does not, that draws, or records.
    "src/plait/models/linear.py": "\n# a remark\n",
    "src/plait/models/svm.py": "\nEDITED = 1\n",
    "src/plait/evaluation/plots.py": "\nEDITED = 1\n",
    "src/plait/tracking/record.py": "\nEDITED = 1\n",
    # What this training runs by, edited once it has begun.
    "src/plait/training/progress.py": "\nEDITED = 1\n",
    "conf/experiment/linear_regression.yaml": "\nevaluation: {plots: {dpi: 50}}\n",
    "params.yaml": "\n# a remark\n",
}

STAGES = ("generate", "pretrain", "train", "evaluate", "record")


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = copy_project(tmp_path_factory.mktemp("edits") / "project")
    short = {"trainer": {"max_epochs": 2}, "evaluation": {"resamples": 20}}
    checkout.list_experiments({"linear_regression": short})
    checkout.plait("compose")
    return checkout


def run(checkout: Checkout, stage: str) -> None:
    environment = {"PYTHONPATH": str(checkout.root / "src")}
    checkout.run("python", "-m", f"plait.stages.{stage}", "linear_regression", env=environment)


def metrics(checkout: Checkout) -> dict[str, float]:
    path = Workspace.at(checkout.root).outputs("linear_regression").metrics
    found: dict[str, float] = json.loads(path.read_text())
    path.unlink()
    return found


@pytest.mark.slow
def test_edits_beside_a_training_fail_nothing_and_change_no_number(composed: Checkout) -> None:
    for stage in STAGES[:4]:
        run(composed, stage)
    clean = metrics(composed)
    hook = composed.root / "src" / "sitecustomize.py"
    hook.write_text(HOOK.format(stage="train", moment="lightning.pytorch", edits=HARMLESS))
    before = (composed.root / "src/plait/training/progress.py").read_text()
    for stage in STAGES[2:]:
        run(composed, stage)
        if stage == "train":
            assert (composed.root / "src/plait/training/progress.py").read_text() != before
            # The next stage begins with what concerns it as it was composed.
            (composed.root / "src/plait/training/progress.py").write_text(before)
    hook.unlink()
    assert metrics(composed) == clean
    assert Path(composed.root / "mlruns/recorded/linear_regression.json").exists()
    resolved = Resolved.read(composed.root / "resolved" / "linear_regression.yaml")
    assert resolved.named_identity == resolved.identity
