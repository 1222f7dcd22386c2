"""The shipped experiments by the kernels that the libraries have for other CPUs.

``PYTHONPATH=src:tests python benchmarks/other_cpus.py`` prints a table: of each output, in how many
settings it has other bits than here, and the largest difference of a metric.

No other CPU is at hand: their libraries are told to take this one for an older one, each by itself
and all together. That leaves out the kernels for newer CPUs than this one.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from hashlib import sha256
from pathlib import Path
from typing import Any

from checkouts import copy_project
from plait.config.compose import Project
from plait.config.registry import family_of
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset, read_part
from plait.evaluation.verify import bound
from plait.pipeline.calibrate import calibrate
from plait.pipeline.evaluate import evaluate
from plait.pipeline.generate import generate
from plait.pipeline.pretrain import pretrain
from plait.training.curves import write_curves
from plait.training.fit import fit, prepare
from plait.workspace import Outputs, Workspace

SETTINGS: dict[str, dict[str, str]] = {
    "this CPU": {},
    "NumPy, SciPy (OpenBLAS), for SSE4.2": {"OPENBLAS_CORETYPE": "Nehalem"},
    "the same, for AVX": {"OPENBLAS_CORETYPE": "Sandybridge"},
    "NumPy without AVX2": {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"},
    "torch without AVX2": {"ATEN_CPU_CAPABILITY": "default"},
    "MKL for any CPU": {"MKL_CBWR": "COMPATIBLE"},
    "oneDNN for SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "the C library without AVX2 and FMA": {
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX,-FMA4"
    },
}
"""Environments by what they stand for."""

SETTINGS["all of these"] = {
    name: value for each in SETTINGS.values() for name, value in each.items()
}

OUTS = ("data", "model", "curves", "metrics", "evaluation", "plots", "predictions")

HEADER = f"| experiment | {' | '.join(OUTS)} | largest difference of a metric |"


def compare(folder: Path, root: Path) -> tuple[list[str], dict[str, int], dict[str, float]]:
    """Run every listed experiment in each of `SETTINGS`.

    :param root: a checkout.
    :returns: rows of a table; of each experiment, how many outs have other bits in some setting;
        and the largest difference of a metric, as a share of what `plait verify` allows.
    """
    made = [
        _run(folder / f"cpu{number}", root, environment)
        for number, environment in enumerate(SETTINGS.values())
    ]
    here, rows, different, shares = made[0], [], {}, {}
    for name, mine in here.items():
        cells = []
        for out in OUTS:
            count = sum(other[name]["digests"][out] != mine["digests"][out] for other in made)
            cells.append(f"other in {count} of {len(made) - 1}" if count else "same")
        largest, share = 0.0, 0.0
        for other in made[1:]:
            for key, value in mine["metrics"].items():
                gap = abs(other[name]["metrics"].get(key, math.nan) - value)
                allowed = bound(key, value, value, mine["by_gradient"], mine["evaluation"])
                largest = max(largest, gap / abs(value))
                share = max(share, gap / allowed)
        rows.append(f"| {name} | {' | '.join(cells)} | {largest:.1e} |")
        different[name] = sum(cell != "same" for cell in cells)
        shares[name] = share
    return rows, different, shares


def _run(folder: Path, root: Path, environment: dict[str, str]) -> dict[str, Any]:
    folder.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, __file__, os.fspath(folder), os.fspath(root)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{environment}: status {done.returncode}: {done.stderr}"
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _made(folder: Path, workspace: Workspace, resolved: Resolved) -> dict[str, Any]:
    """What the stages make of an experiment, but for the record of it."""
    name = resolved.name
    outputs = Outputs(folder / "data" / name, folder / "results" / name)
    for stage in (generate, pretrain):
        stage(workspace, resolved, outputs)
    train, val = read_part(outputs.data, "train"), read_part(outputs.data, "val")
    assert train is not None
    prepare(resolved)
    model, curves = fit(
        resolved,
        Dataset.read(outputs.data),
        train,
        val,
        checkpoints=folder / "checkpoints" / name,
        observe=lambda epoch, values: None,
    )
    model.save(outputs["model"])
    write_curves(outputs["curves"], curves)
    calibrate(workspace, resolved, outputs)
    evaluate(workspace, resolved, outputs)
    return {
        "digests": {out: _digest(getattr(outputs, out)) for out in OUTS},
        "metrics": json.loads(outputs["metrics"].read_text(encoding="utf-8")),
        "evaluation": json.loads((outputs["evaluation"] / "evaluation.json").read_text("utf-8")),
        "by_gradient": family_of(resolved.choice("model")).by_gradient,
    }


def _digest(path: Path) -> str:
    hasher = sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file():
            hasher.update(file.name.encode() + file.read_bytes())
    return hasher.hexdigest()


def main() -> None:
    """The table; or, with arguments, in one of the settings: what every listed experiment gives."""
    if len(sys.argv) == 1:
        with tempfile.TemporaryDirectory() as temporary:
            rows, _, _ = compare(Path(temporary), copy_project(Path(temporary) / "kernels").root)
        print("\n".join([HEADER, *rows]))
        return
    folder, root = Path(sys.argv[1]), Path(sys.argv[2])
    with redirect_stdout(sys.stderr):
        workspace, project = Workspace.at(root), Project(root)
        made = {
            name: _made(folder, workspace, resolved)
            for name, resolved in project.compose_all().items()
        }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
