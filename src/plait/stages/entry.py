"""How a stage starts: ``python -m plait.stages.STAGE NAME``, in the project's folder."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn, cast

from plait.artifacts import Outputs, Workspace
from plait.config.packages import installed_version
from plait.config.resolved import STAGES, Resolved, Stage
from plait.errors import UserError, exit_with
from plait.proof.refusal import Unproved
from plait.proof.stage import proved

MEASURING: tuple[Stage, ...] = ("evaluate", "record")
"""Stages that refuse when the run is over that `train` has written; it is then told."""

StageFunction = Callable[[Workspace, Resolved, Outputs], None]


def run_stage(stage: StageFunction) -> None:
    """Run ``stage`` for the experiment named on the command line; exit with its status."""

    def command() -> None:
        if len(sys.argv) != 2:
            raise UserError(f"usage: python -m plait.stages.{stage.__name__} NAME", status=2)
        workspace = Workspace.at(Path.cwd())
        composed = workspace.resolved(sys.argv[1])
        resolved = Resolved.read(composed)
        named = cast(Stage, stage.__name__)
        check_packages(named, resolved)
        _check_inputs(named, workspace, resolved.name)
        outputs = workspace.outputs(resolved.name)
        try:
            with proved(named, workspace, resolved, outputs, composed):
                stage(workspace, resolved.handed_to(named), outputs)
        except Unproved as refusal:
            if named in MEASURING:
                from plait.tracking.refused import tell_run

                tell_run(workspace, resolved, str(refusal))
            raise

    end_at_sigterm()
    exit_with(command)


def check_packages(stage: Stage, resolved: Resolved) -> None:
    """Refuse to compute by other versions than those that will be recorded."""
    for name, locked in resolved.values["packages"].get(stage, {}).items():
        installed = installed_version(name)
        if installed != locked:
            raise UserError(
                f"{name} {installed or 'none'} is installed, but requirements.lock says {locked};"
                " `make repro` installs what the lock says"
            )


def _check_inputs(stage: Stage, workspace: Workspace, name: str) -> None:
    """Before anything is written anywhere, the tracking store included."""
    outputs = workspace.outputs(name)
    left_by = {
        "generate": (outputs.data / "dataset.json",),
        "pretrain": (outputs.pretrained / "pretrained.json",),
        "train": (outputs.model / "model.json", outputs.curves),
        "evaluate": (outputs.evaluation / "evaluation.json", outputs.metrics),
    }
    for earlier in STAGES[: STAGES.index(stage)]:
        for path in left_by[earlier]:
            if not path.exists():
                missing = path.relative_to(workspace.root)
                raise UserError(
                    f"{name}: {missing} is missing, which stage {earlier} leaves;"
                    f" run `dvc repro {stage}@{name}`"
                )


def end_at_sigterm() -> None:
    """Let SIGTERM end this process as an exception does, so that the run gets its true status."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    # As a shell reports it, so that DVC and schedulers see the truth.
    raise SystemExit(128 + number)
