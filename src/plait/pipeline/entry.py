"""How a stage starts: ``python -m plait.pipeline.STAGE NAME``, in the project's folder.

What this and the modules of stages import at their top is paid twice, also by the process that only
waits for a fork; the rest is imported where it is used.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from plait.config.packages import installed_version
from plait.config.resolved import Resolved
from plait.errors import UserError, exit_with
from plait.forkserver.client import run_in_fork
from plait.forkserver.proxy import end_as
from plait.garbage_collection import collect_rarely
from plait.json_types import Values, mapping_at
from plait.pipeline.stages import STAGES, TRAINING, after, before
from plait.proof.refusal import Unproved
from plait.signals import end_at_sigterm
from plait.tracking.mlflow_environment import mlflow_environment
from plait.workspace import Outputs, Workspace

StageFunction = Callable[[Workspace, Resolved, Outputs], None]


def run_stage(stage: StageFunction) -> None:
    """Run ``stage`` for the experiment named on the command line; exit with its status."""

    def command() -> None:
        if len(sys.argv) != 2:
            raise UserError(f"usage: python -m plait.pipeline.{stage.__name__} NAME", status=2)
        # A stage that a fork runs needs none of this here.
        from plait.proof.stage import proved

        workspace = Workspace.at(Path.cwd())
        composed = workspace.resolved(sys.argv[1])
        resolved = Resolved.read(composed)
        named = stage.__name__
        check_packages(named, resolved)
        _check_inputs(named, workspace, resolved.name)
        outputs = workspace.outputs(resolved.name)
        try:
            with proved(named, workspace, resolved, outputs, composed):
                stage(workspace, resolved.handed_to(named), outputs)
        except Unproved as refusal:
            # The run that the training has written is over: it is told.
            if named in {each.name for each in after(TRAINING)}:
                from plait.tracking.live.refused import tell_run

                tell_run(workspace, resolved, str(refusal))
            raise

    collect_rarely()
    end_at_sigterm()
    status = _in_fork(stage.__name__)
    if status is not None:
        end_as(status)
    exit_with(command)


def _in_fork(stage: str) -> int | None:
    """The status of the stage, run by a fork; None where this process has to run it."""
    workspace = Workspace.at(Path.cwd())
    try:
        resolved = Resolved.read(workspace.resolved(sys.argv[1]))
    except (IndexError, UserError):
        return None  # which this process says
    if resolved.leaves_idle(STAGES[stage]):
        return None
    return run_in_fork(
        f"plait.pipeline.{stage}",
        f"{stage} {' '.join(_packages(stage, resolved))}",
        mlflow_environment(os.environ),
        workspace.imports,
    )


def check_packages(stage: str, resolved: Resolved) -> None:
    """Refuse to compute by other versions than those that will be recorded."""
    for name, locked in _packages(stage, resolved).items():
        installed = installed_version(name)
        if installed != locked:
            raise UserError(
                f"{name} {installed or 'none'} is installed, but requirements.lock says {locked};"
                " `make repro` installs what the lock says"
            )


def _packages(stage: str, resolved: Resolved) -> Values:
    """The packages that a stage may import, and their versions; none of one that has no numbers."""
    packages = mapping_at(resolved.values, "packages")
    return mapping_at(packages, stage) if stage in packages else {}


def _check_inputs(stage: str, workspace: Workspace, name: str) -> None:
    """Before anything is written anywhere, the tracking store included."""
    outputs = workspace.outputs(name)
    for earlier in before(stage):
        for output in earlier.outputs:
            path = outputs.mark(output.name)
            if not path.exists():
                missing = path.relative_to(workspace.root)
                raise UserError(
                    f"{name}: {missing} is missing, which stage {earlier.name} leaves;"
                    f" run `dvc repro {stage}@{name}`"
                )
