"""What the proof of a stage costs: ``python benchmarks/proof_cost.py``, after `dvc repro`.

For each listed experiment and stage, CPU seconds of the proof at its beginning and at its end, in a
checkout that has proved it before; and those of a folder of ten files of 1 GB that nobody has
written since they were hashed. Exits with 1 where a figure misses its bound.
"""

import sys
import tempfile
import time
from pathlib import Path

from plait.config.compose import Project
from plait.config.resolved import Resolved
from plait.contents import Contents, unchanged
from plait.pipeline.stages import STAGES
from plait.proof.stage import Proof
from plait.state import State
from plait.workspace import Workspace

PER_STAGE, LARGE = 0.2, 2.0
"""CPU seconds at most."""


def proof_of(workspace: Workspace, name: str) -> dict[str, float]:
    """CPU seconds by stage."""
    composed = workspace.resolved(name)
    resolved, outputs = Resolved.read(composed), workspace.outputs(name)
    found = {}
    for stage in STAGES:
        Proof(stage, workspace, resolved, outputs, composed)
        began = time.process_time()
        Proof(stage, workspace, resolved, outputs, composed).confirm()
        found[stage] = time.process_time() - began
    return found


def large_files(folder: Path) -> tuple[float, float]:
    """CPU seconds of hashing 10 GB, and of knowing them again."""
    for number in range(10):
        with (folder / f"{number}.bin").open("wb") as file:
            file.truncate(1_000_000_000)
    times = []
    for _ in range(2):
        contents = Contents(State(folder.parent / "state"))
        began = time.process_time()
        assert unchanged(contents.look(folder))
        times.append(time.process_time() - began)
    return times[0], times[1]


def main() -> int:
    """Measure and print."""
    root = Path.cwd()
    workspace, worst = Workspace.at(root), 0.0
    print(f"{'':<20}" + "".join(f"{stage:>10}" for stage in STAGES))
    for name in Project(root).listed:
        figures = proof_of(workspace, name)
        worst = max(worst, *figures.values())
        print(f"{name:<20}" + "".join(f"{figures[stage]:>10.3f}" for stage in STAGES))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "files"
        folder.mkdir()
        first, again = large_files(folder)
    print(f"10 GB: hashed in {first:.1f} s, known again in {again:.3f} s")
    return 1 if worst > PER_STAGE or again > LARGE else 0


if __name__ == "__main__":
    sys.exit(main())
