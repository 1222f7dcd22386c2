"""Every file that passes between stages: where it lies and how it is written."""

import json
import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plait.pipeline.stages import OUTPUTS, STAGES

SIGNIFICANT_DIGITS = 8
"""Digits kept of the numbers in metrics files: more than an interval needs, too few for float
noise."""


@dataclass(frozen=True)
class Outputs:
    """What the stages of one experiment leave: a folder of data and a folder of results.

    ``outputs["model"]`` is the place of what `plait.pipeline.stages.OUTPUTS` calls so.
    """

    data: Path
    """`generate`: {train,val,test}.parquet (val may be missing) and dataset.json."""
    results: Path
    receipts: Path | None = None
    """Where each stage writes down what it went by and what it left, see `plait.proof`; None: among
    the results."""
    data_receipts: Path | None = None
    """The same of `generate`, whose data several trials may share; None: where the others are."""

    def __getitem__(self, name: str) -> Path:
        output = OUTPUTS[name]
        return (self.data if output.base == "data" else self.results) / output.path

    def mark(self, name: str) -> Path:
        """The file by which an output is known to be there."""
        return self[name] / OUTPUTS[name].mark

    def receipt(self, stage: str) -> Path:
        """What a stage has written down."""
        folder = self.receipts or self.results / "receipts"
        if any(output.base == "data" for output in STAGES[stage].outputs):
            folder = self.data_receipts or folder
        return folder / f"{stage}.json"

    def left_by(self, stage: str) -> dict[str, Path]:
        """What a stage leaves, by name."""
        return {output.name: self[output.name] for output in STAGES[stage].outputs}

    def taken_by(self, stage: str) -> dict[str, Path]:
        """What a stage reads of that which others left, by name."""
        return {name: self[name] for name in STAGES[stage].inputs}

    def clear(self, stage: str) -> None:
        """Remove what a stage left, and its receipt first: what none tells of is nothing."""
        self.receipt(stage).unlink(missing_ok=True)
        for path in self.left_by(stage).values():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Workspace:
    """A tree of the project, and the checkout that owns its history.

    The two differ in ``dvc exp run --temp`` and ``--queue``, where DVC copies the tree below
    ``.dvc/tmp`` and names the checkout in the environment variable ``DVC_ROOT``.
    """

    root: Path
    """Whose code, conf/ and data/ are used."""
    anchor: Path
    """Whose mlruns/ records the runs and whose .plait/ holds checkpoints and locks."""

    @classmethod
    def at(cls, root: Path) -> "Workspace":
        """The workspace of the tree at ``root``."""
        root = root.resolve()
        return cls(root, Path(os.environ.get("DVC_ROOT") or root).resolve())

    def resolved(self, name: str) -> Path:
        """The composed configuration of an experiment."""
        return self.root / "resolved" / f"{name}.yaml"

    def outputs(self, name: str) -> Outputs:
        """Where DVC's stages of an experiment write."""
        receipts = self.root / ".plait" / "receipts" / name
        data, results = self.root / "data" / "generated" / name, self.root / "results" / name
        return Outputs(data, results, receipts)

    def left_by(self, name: str, stage: str) -> list[Path]:
        """All that DVC knows a stage of an experiment to leave."""
        left = [*self.outputs(name).left_by(stage).values()]
        return left if STAGES[stage].computes else [*left, self.recorded(name)]

    def recorded(self, name: str) -> Path:
        """`record`: the mark that an experiment is recorded in this clone."""
        return self.root / "mlruns" / "recorded" / f"{name}.json"

    @property
    def store(self) -> Path:
        """The tracking store: mlflow.db and artifacts/."""
        return self.anchor / "mlruns"

    @property
    def scratch(self) -> Path:
        """What outlives a command but is no result: checkpoints, locks, journals, trial data."""
        return self.anchor / ".plait"

    def checkpoints(self, identity: str) -> Path:
        """Where a training that has not ended keeps what it goes on from."""
        return self.scratch / "checkpoints" / identity

    @property
    def pretrained(self) -> Path:
        """What stage `pretrain` has trained, a folder for each digest of what it reads."""
        return self.scratch / "pretrained"

    def trial(self, name: str, identity: str) -> Path:
        """The results of an experiment that `plait run` runs."""
        return self.root / "outputs" / name / identity


def cache_folder() -> Path:
    """What can be made or fetched again, shared by all checkouts: ``$PLAIT_CACHE``, or ``plait``
    in the user's cache folder.
    """
    if own := os.environ.get("PLAIT_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plait"


def significant(value: float, digits: int = SIGNIFICANT_DIGITS) -> float:
    """``value`` rounded to so many significant digits; NaN and infinity unchanged."""
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else value


def write_text(path: Path, text: str) -> None:
    """Write ``path`` whole or not at all: beside it, flushed to disk, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON with the order of its keys kept. NaN is refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The value that `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
