"""Every file that passes between stages: where it lies and how it is written."""

import json
import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIGNIFICANT_DIGITS = 8
"""Of the numbers in metrics files: more than any interval needs, fewer than float noise shows."""


LEAVES: dict[str, tuple[str, ...]] = {
    "generate": ("data",),
    "pretrain": ("pretrained",),
    "train": ("model", "curves"),
    "evaluate": ("evaluation", "plots", "predictions", "metrics"),
    "record": (),
}
"""What each stage leaves for those that follow, as `Outputs` names it; ``dvc.yaml`` names the
same."""

TAKES: dict[str, tuple[str, ...]] = {
    "generate": (),
    "pretrain": ("data",),
    "train": ("data", "pretrained"),
    "evaluate": ("data", "model", "curves"),
    "record": ("data", "pretrained", "model", "curves", "metrics", "evaluation", "plots"),
}
"""What each stage reads of that."""


@dataclass(frozen=True)
class Outputs:
    """What the stages of one experiment leave: a folder of data and a folder of results."""

    data: Path
    """`generate`: {train,val,test}.parquet (val may be missing) and dataset.json."""
    results: Path
    receipts: Path | None = None
    """Where each stage writes down what it went by and what it left, see `plait.proof`; None: among
    the results."""
    data_receipts: Path | None = None
    """The same of `generate`, whose data several trials may share; None: where the others are."""

    @property
    def pretrained(self) -> Path:
        """`pretrain`: folder with pretrained.json, and with a transformer where it trained one."""
        return self.results / "pretrained"

    @property
    def model(self) -> Path:
        """`train`: folder with model.json beside weights.safetensors or estimator.skops."""
        return self.results / "model"

    @property
    def curves(self) -> Path:
        """`train`: a row an epoch; columns ``epoch``, ``train/loss``, ``val/loss``, …"""
        return self.results / "curves.csv"

    @property
    def metrics(self) -> Path:
        """`evaluate`: one flat mapping such as ``{"test/mse": 0.01}``; kept in git."""
        return self.results / "metrics.json"

    @property
    def evaluation(self) -> Path:
        """`evaluate`: folder with evaluation.json and predictions.parquet."""
        return self.results / "evaluation"

    @property
    def plots(self) -> Path:
        """`evaluate`: folder of PNG files, which `dvc plots` shows."""
        return self.results / "plots"

    @property
    def predictions(self) -> Path:
        """`evaluate`: ``truth,prediction`` of some test rows, which `dvc plots` draws."""
        return self.results / "predictions.csv"

    def receipt(self, stage: str) -> Path:
        """What a stage has written down."""
        folder = self.receipts or self.results / "receipts"
        if stage == "generate":
            folder = self.data_receipts or folder
        return folder / f"{stage}.json"

    def left_by(self, stage: str) -> dict[str, Path]:
        """What a stage leaves, by name."""
        return {name: getattr(self, name) for name in LEAVES[stage]}

    def taken_by(self, stage: str) -> dict[str, Path]:
        """What a stage reads of that which others left, by name."""
        return {name: getattr(self, name) for name in TAKES[stage]}


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
