"""Runs of a checkout, trained and recorded in this process."""

from pathlib import Path

from plait.config.compose import Project
from plait.config.resolved import Resolved
from plait.pipeline.evaluate import evaluate
from plait.pipeline.generate import generate
from plait.pipeline.record import record
from plait.pipeline.train import train
from plait.workspace import Outputs, Workspace

TREE = ["model=decision_tree", "data.samples=80", "evaluation.resamples=20"]
"""Overrides of a run that takes a moment."""


def run(root: Path, name: str, *overrides: str) -> Resolved:
    """Run an experiment beside DVC's outs, as a trial of a sweep."""
    workspace, resolved = Workspace.at(root), Project(root).compose(name, list(overrides))
    outputs = Outputs(root / "data" / resolved.identity, root / "outputs" / resolved.identity)
    for stage in (generate, train, evaluate, record):
        stage(workspace, resolved, outputs)
    return resolved
