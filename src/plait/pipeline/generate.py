"""Stage `generate`: the chosen source into Parquet parts and dataset.json."""

from typing import TYPE_CHECKING

from plait.config.resolved import Resolved
from plait.pipeline.entry import run_stage
from plait.workspace import Outputs, Workspace

if TYPE_CHECKING:
    from plait.data.dataset import Source


def generate(workspace: Workspace, resolved: Resolved, outputs: Outputs) -> None:
    """Write ``outputs.data``."""
    from plait.config.chosen import settings_in
    from plait.config.registry import module_of
    from plait.data.base import SourceSettings
    from plait.data.folds import dividing
    from plait.data.write import write

    choice = resolved.choice("data")
    settings = settings_in(resolved, "data", SourceSettings)
    source: Source = module_of("data", choice).read(settings, workspace.root)
    write(source, choice, outputs.data, dividing(settings))


if __name__ == "__main__":
    run_stage(generate)
