"""The stages of an experiment in this process, as far as they are not done."""

from collections.abc import Mapping
from importlib import import_module

from plait.config.resolved import Resolved
from plait.contents import Contents
from plait.pipeline.stages import STAGES, Stage
from plait.proof.receipts import is_left_by
from plait.proof.stage import proved
from plait.state import State
from plait.workspace import Outputs, Workspace


def run_stage(
    name: str, workspace: Workspace, resolved: Resolved, outputs: Outputs, *more: object
) -> None:
    """Run one stage between its proofs.

    :param more: what its function takes beside workspace, configuration and outputs.
    """
    with proved(name, workspace, resolved, outputs):
        function = getattr(import_module(f"plait.pipeline.{name}"), name)
        function(workspace, resolved.handed_to(name), outputs, *more)


def run_stages(
    workspace: Workspace,
    resolved: Resolved,
    outputs: Outputs,
    more: Mapping[str, tuple[object, ...]],
) -> None:
    """Run those that write results and have not left what these values make of what lies there.

    :param more: by stage, as `run_stage` takes it.
    """
    contents = Contents(State.of(workspace))
    for stage in _with_results():
        if not is_left_by(contents, resolved, stage.name, outputs):
            outputs.clear(stage.name)
            run_stage(stage.name, workspace, resolved, outputs, *more.get(stage.name, ()))


def clear_results(outputs: Outputs) -> None:
    """Remove what an earlier training left; the data and other files beside it stay."""
    for stage in _with_results():
        outputs.clear(stage.name)


def _with_results() -> list[Stage]:
    """The stages that leave something of an experiment alone."""
    return [
        stage
        for stage in STAGES.values()
        if any(output.base == "results" for output in stage.outputs)
    ]
