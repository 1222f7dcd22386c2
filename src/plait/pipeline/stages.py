"""The table of stages: what each reads, what it leaves, and what of that belongs to the identity.

Everything else that depends on the stages derives from it: the groups of `conf/`, the resolved
file, closures, proofs, receipts, trials, rebuilding and `plait why`. ``dvc.yaml`` says the same to
DVC, and a test compares the two. A stage is added by an entry here, by its module
``plait/pipeline/NAME.py``, whose function of the same name runs it, and in ``dvc.yaml``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Group:
    """A folder of ``conf/`` from which one file is chosen, or none, or several."""

    name: str
    package: str
    """Where the modules paired with the files lie; each defines ``Settings``."""
    several: bool = False
    """Whether any number is chosen. A group from which nothing need be chosen is null in
    ``conf/config.yaml``."""
    files: str | None = None
    """The key of the resolved file with the digests of the user's files that the settings name."""


@dataclass(frozen=True)
class Output:
    """A file or folder that a stage leaves for those that follow."""

    name: str
    path: str
    """Relative to the folder of ``base``."""
    base: Literal["data", "results"] = "results"
    """The folder of the data, which several trials may share, or that of one experiment's
    results."""
    mark: str = ""
    """The file in a folder by which the folder is known to be there."""


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline. Values and files are keys of the resolved configuration."""

    name: str
    groups: tuple[Group, ...] = ()
    """The groups of ``conf/`` that are chosen for it; it reads their values."""
    values: tuple[str, ...] = ()
    """What else it reads. A change of any of these reruns it."""
    unkeyed: tuple[str, ...] = ()
    """What it may read without being rerun by it."""
    files: tuple[str, ...] = ()
    """Keys with digests of the user's files that it reads: each file is proved."""
    inputs: tuple[str, ...] = ()
    """Outputs of earlier stages that it reads."""
    outputs: tuple[Output, ...] = ()
    unless_null: tuple[str, ...] = ()
    """Keys of what it is for, such as its group: where all of them are null it has nothing to do,
    leaves a mark, and the identity knows nothing of it."""
    in_identity: bool = False
    """Whether the numbers of a training depend on what it reads."""
    digests: tuple[str, ...] = ()
    """Digests of code and packages whose change reruns it, where not its own."""
    loads: tuple[str, ...] = ()
    """Groups of earlier stages whose chosen modules it loads too."""
    family: tuple[str, ...] = ()
    """Modules of the chosen model's family that it loads, by field of
    `plait.config.registry.Family`."""
    task: tuple[str, ...] = ("learning",)
    """Modules of the data's task that it loads, of the folder ``plait/tasks/NAME``."""
    discovers: tuple[str, ...] = ()
    """Packages of which it loads every module."""
    observers: tuple[str, ...] = ("plait.tracking",)
    """Code that is handed values and gives none back: it cannot change what the stage leaves, so
    editing it reruns nothing. A test shows that training is equal, bit for bit, without it."""
    without_numbers: tuple[str, ...] = ()
    """Starts of the names of modules that draw or record. Edited since it was composed, such code
    is no reason to refuse: what was composed runs where it is kept, else what there is."""
    computes: bool = True
    """Whether it makes numbers: then the packages that it loads are pinned."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The values whose change reruns it."""
        return (*(group.name for group in self.groups), *self.values)

    @property
    def keys(self) -> tuple[str, ...]:
        """All whose change reruns it, as ``dvc.yaml`` names it: values, and digests of code and
        packages.
        """
        return (*self.reads, *(self.digests or (f"code.{self.name}", f"packages.{self.name}")))


RUNTIME: tuple[str, ...] = (
    *("trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.strategy"),
    *("trainer.num_workers", "trainer.member_workers"),
    *("trainer.checkpoint_minutes", "trainer.checkpoint_steps"),
    *("trainer.gradient_checkpointing", "trainer.profile"),
)
"""Where and how a training runs. By design no part of the identity, though another kind of device
may round differently."""

_TRAINER = (
    *("trainer.max_epochs", "trainer.max_steps", "trainer.precision", "trainer.threads"),
    *("trainer.gradient_clip", "trainer.micro_batch_size", "trainer.overfit_rows"),
    *("trainer.select_checkpoint", "trainer.detect_anomaly"),
)

_TABLE = (
    Stage(
        "generate",
        groups=(Group("data", "plait.data.sources", files="files"),),
        values=("files", "read_files"),
        files=("files", "read_files"),
        outputs=(Output("data", "", base="data", mark="dataset.json"),),
        in_identity=True,
    ),
    Stage(
        "pretrain",
        groups=(Group("pretraining", "plait.pretraining", files="pretraining_files"),),
        values=("pretraining_base", "pretraining_files", "read_files"),
        unkeyed=RUNTIME,
        files=("pretraining_files", "model_files", "read_files"),
        inputs=("data",),
        outputs=(Output("pretrained", "pretrained", mark="pretrained.json"),),
        unless_null=("pretraining",),
        in_identity=True,
    ),
    Stage(
        "train",
        groups=(
            Group("augmentation", "plait.augmentation"),
            Group("model", "plait.models", files="model_files"),
            Group("finetuning", "plait.finetuning"),
            Group("objective", "plait.objectives"),
            Group("optimizer", "plait.training.optimizers"),
            Group("schedule", "plait.training.schedules"),
            Group("adversarial", "plait.training.adversarial"),
            Group("callbacks", "plait.training.callbacks", several=True),
        ),
        values=(
            *("preprocessing", "model_files", "read_files", "batch_size", "ensemble", "seed"),
            *_TRAINER,
        ),
        unkeyed=(*RUNTIME, "tracking"),
        files=("model_files", "read_files"),
        inputs=("data", "pretrained"),
        outputs=(Output("model", "model", mark="model.json"), Output("curves", "curves.csv")),
        in_identity=True,
        family=("inputs", "models", "training"),
    ),
    Stage(
        "calibrate",
        groups=(Group("calibration", "plait.calibration.methods"),),
        values=("decision", "read_files"),
        files=("model_files", "read_files"),
        inputs=("data", "model"),
        outputs=(Output("calibrated", "calibrated", mark="calibrated.json"),),
        unless_null=("calibration", "decision.costs"),
        in_identity=True,
        loads=("model", "finetuning"),
        family=("inputs", "models"),
    ),
    Stage(
        "evaluate",
        values=("evaluation", "read_files"),
        files=("model_files", "read_files"),
        inputs=("data", "model", "calibrated", "curves"),
        outputs=(
            Output("evaluation", "evaluation", mark="evaluation.json"),
            Output("plots", "plots"),
            Output("predictions", "predictions.csv"),
            Output("metrics", "metrics.json"),
        ),
        loads=("model", "finetuning", "calibration"),
        family=("inputs", "models"),
        task=("learning", "evaluation"),
        discovers=("plait.evaluation.metrics",),
        without_numbers=("plait.evaluation.plots", "plait.evaluation.fonts"),
    ),
    Stage(
        "record",
        groups=(Group("tracking", "plait.tracking"),),
        # The identity stands for all that the stages before it read.
        values=("description", "label", "trainer", "evaluation", "identity"),
        files=("model_files",),
        inputs=(
            *("data", "pretrained", "model", "calibrated", "curves", "metrics", "evaluation"),
            "plots",
        ),
        # It computes no number, but records by what the numbers were measured.
        digests=("code.record", "code.evaluate", "packages.evaluate"),
        loads=("model", "finetuning", "calibration"),
        family=("inputs", "models"),
        observers=(),
        without_numbers=("plait",),
        computes=False,
    ),
)

STAGES: dict[str, Stage] = {stage.name: stage for stage in _TABLE}
"""The stages by name, in the order in which they run; each names inputs of earlier ones only."""

GROUPS: dict[str, Group] = {group.name: group for stage in _TABLE for group in stage.groups}
"""Every group of choices, by name."""

OUTPUTS: dict[str, Output] = {output.name: output for stage in _TABLE for output in stage.outputs}
"""Everything that stages leave, by name."""

FILES: tuple[str, ...] = (*(group.files for group in GROUPS.values() if group.files), "read_files")
"""The keys with digests of the user's files."""

TRAINING = "train"
"""The stage whose start opens the run; those after it measure what it left."""


def before(name: str) -> tuple[Stage, ...]:
    """The stages that run before one."""
    return _TABLE[: _TABLE.index(STAGES[name])]


def after(name: str) -> tuple[Stage, ...]:
    """The stages that run after one."""
    return _TABLE[_TABLE.index(STAGES[name]) + 1 :]


def identifying() -> Iterator[Stage]:
    """The stages whose reading makes up the identity."""
    return (stage for stage in _TABLE if stage.in_identity)
