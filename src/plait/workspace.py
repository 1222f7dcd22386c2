"""Where everything lies: each folder and file of a project that plait reads or writes, named once.

What a file holds, and the files within a stage's output, are the business of the module that writes
them.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from plait.errors import UserError
from plait.pipeline.stages import OUTPUTS, STAGES

CONF, PARAMS = "conf", "params.yaml"
"""The menu of choices, and what the user chooses from it, by experiment."""

PIPELINE, PIPELINE_LOCK = "dvc.yaml", "dvc.lock"
"""What DVC runs, and what it knows to have run."""

DVC = ".dvc"
"""DVC's own folder."""

SRC, PACKAGE, LOCK = "src", "src/plait", "requirements.lock"
"""The code, and the versions of what it imports."""

RAW = "data/raw"
"""The user's own files."""

RESOLVED, RESULTS = "resolved", "results"
"""What composing and the stages leave, which git keeps."""

PRETRAINED = "pretrained.json"
"""Beside a pretrained model: what it learnt from; all there is where nothing is pretrained."""

CALIBRATED = "calibrated.json"
"""Beside a model, or in a folder of its own: what follows the weights; null where nothing does."""

STORE = "mlruns"
"""What is recorded, and the pages of reports."""

_OF_TRIAL = "resolved.yaml"
_GENERATED, _TRIALS, _SCRATCH = "data/generated", "outputs", ".plait"


@dataclass(frozen=True)
class Outputs:
    """What the stages of one experiment leave: a folder of data and a folder of results.

    ``outputs["model"]`` is the place of what `plait.pipeline.stages.OUTPUTS` calls so.
    """

    data: Path
    """`generate`: {train,val,test,calibration}.parquet (val and calibration may be missing) and
    dataset.json."""
    results: Path
    receipts: Path | None = None
    """Where each stage writes down what it went by and what it left, see `plait.proof`; None: among
    the results."""
    data_receipts: Path | None = None
    """The same of `generate`, whose data several trials may share; None: where the others are."""

    def __getitem__(self, name: str) -> Path:
        output = OUTPUTS[name]
        return (self.data if output.base == "data" else self.results) / output.path

    @property
    def resolved(self) -> Path:
        """Of a trial: the composed configuration that it runs."""
        return self.results / _OF_TRIAL

    @property
    def page(self) -> Path:
        """Of a trial: the page that reports it."""
        return self.results / "report.html"

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
        return self.root / RESOLVED / f"{name}.yaml"

    def all_resolved(self) -> list[Path]:
        """The composed configurations that there are."""
        return sorted((self.root / RESOLVED).glob("*.yaml"))

    def outputs(self, name: str) -> Outputs:
        """Where DVC's stages of an experiment write."""
        receipts = self.root / _SCRATCH / "receipts" / name
        return Outputs(self.root / _GENERATED / name, self.root / RESULTS / name, receipts)

    def left_by(self, name: str, stage: str) -> list[Path]:
        """All that DVC knows a stage of an experiment to leave."""
        left = [*self.outputs(name).left_by(stage).values()]
        return left if STAGES[stage].computes else [*left, self.recorded(name)]

    def recorded(self, name: str) -> Path:
        """`record`: the mark that an experiment is recorded in this clone."""
        return self.root / STORE / "recorded" / f"{name}.json"

    @property
    def reports(self) -> Path:
        """The pages of experiments. Of the tree: an experiment that DVC runs in a copy of it must
        not replace this tree's page.
        """
        return self.root / STORE / "reports"

    def sweep_page(self, name: str) -> Path:
        """The page of a sweep."""
        return self.reports / "sweeps" / f"{name}.html"

    @property
    def trials(self) -> Path:
        """What `plait run` leaves: a folder an experiment, in it one an identity."""
        return self.root / _TRIALS

    def trial(self, name: str, identity: str) -> Path:
        """The results of an experiment that `plait run` runs."""
        return self.trials / name / identity

    @property
    def multirun(self) -> Path:
        """Where Hydra writes down the multirun that it began last."""
        return self.trials / "multirun"

    def trial_configurations(self, identity: str = "*") -> list[Path]:
        """What each trial runs, or those of an identity, see `Outputs.resolved`."""
        return sorted(self.trials.glob(f"*/{identity}/{_OF_TRIAL}"))

    @property
    def store(self) -> Path:
        """The tracking store."""
        return self.anchor / STORE

    @property
    def database(self) -> Path:
        """The runs: MLflow's database."""
        return self.store / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """The files of the runs."""
        return self.store / "artifacts"

    @property
    def tensorboard(self) -> Path:
        """The event files of TensorBoard."""
        return self.store / "tensorboard"

    @property
    def scratch(self) -> Path:
        """What outlives a command but is no result."""
        return self.anchor / _SCRATCH

    @property
    def all_checkpoints(self) -> Path:
        """The checkpoints of trainings that have not ended, a folder an identity."""
        return self.scratch / "checkpoints"

    def checkpoints(self, identity: str) -> Path:
        """Where a training that has not ended keeps what it goes on from."""
        return self.all_checkpoints / identity

    @property
    def pretrained(self) -> Path:
        """What stage `pretrain` has trained, a folder for each digest of what it reads."""
        return self.scratch / "pretrained"

    @property
    def all_trial_data(self) -> Path:
        """The data of trials, a folder for each digest of what generation reads."""
        return self.scratch / "data"

    def trial_data(self, digest: str) -> Path:
        """Data of trials, as stage `generate` leaves them."""
        return self.all_trial_data / digest

    def trial_receipts(self, digest: str) -> Path:
        """What `generate` has written down of them."""
        return self.scratch / "receipts" / digest

    @property
    def journals(self) -> Path:
        """What has been measured and is not in the store yet."""
        return self.scratch / "journal"

    @property
    def locks(self) -> Path:
        """Files that processes lock."""
        return self.scratch / "locks"

    @property
    def state(self) -> Path:
        """What is known of files that were read before, see `plait.state`."""
        return self.scratch / "state"

    @property
    def imports(self) -> Path:
        """What each kind of stage imports, see `plait.forkserver`."""
        return self.scratch / "imports.json"

    @property
    def sweeps(self) -> Path:
        """Which trials each sweep has."""
        return self.scratch / "sweeps"

    @property
    def searches(self) -> Path:
        """The databases of searches."""
        return self.scratch / "searches"

    @property
    def slurm_jobs(self) -> Path:
        """What is handed to jobs of a cluster, and their logs."""
        return self.scratch / "slurm"

    @property
    def worktrees(self) -> Path:
        """Where recorded runs are rebuilt."""
        return self.scratch / "rebuild"

    @property
    def dvc_experiments(self) -> Path:
        """Where DVC copies the tree for the experiments that it runs beside it."""
        return self.root / DVC / "tmp" / "exps"


def find_root() -> Path:
    """The project around the working directory.

    :raises UserError: outside of a project.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / PIPELINE).is_file() and (folder / CONF).is_dir():
            return folder
    raise UserError(f"{here} is not in a plait project: no {PIPELINE} and {CONF}/ here or above")


def defaults_in(conf: Path) -> Path:
    """The file of the menu with a default choice for every group."""
    return conf / "config.yaml"


def choice_in(conf: Path, group: str, name: str) -> Path:
    """The file of the menu with the values of a choice, or with an experiment."""
    return conf / group / f"{name}.yaml"


def cache_folder(part: Literal["distributions", "tokens", "translations"]) -> Path:
    """What can be made or fetched again, shared by all checkouts: below ``$PLAIT_CACHE``, or
    ``plait`` in the user's cache folder.
    """
    if own := os.environ.get("PLAIT_CACHE"):
        return Path(own) / part
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plait" / part
