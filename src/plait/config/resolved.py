"""The resolved configuration of one experiment: what `compose` writes and the stages read."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from plait.errors import UserError

Stage = Literal["generate", "pretrain", "train", "evaluate", "record"]
STAGES: tuple[Stage, ...] = ("generate", "pretrain", "train", "evaluate", "record")

READS: dict[Stage, tuple[str, ...]] = {
    "generate": ("data", "files", "read_files"),
    "pretrain": ("pretraining", "pretraining_base", "pretraining_files", "read_files"),
    "train": (
        "read_files",
        *("preprocessing", "augmentation", "model", "model_files", "finetuning"),
        *("objective", "optimizer", "schedule", "adversarial", "callbacks"),
        *("batch_size", "ensemble", "seed"),
        *(f"trainer.{key}" for key in ("max_epochs", "max_steps", "precision", "threads")),
        *(f"trainer.{key}" for key in ("gradient_clip", "micro_batch_size", "overfit_rows")),
        *("trainer.keep", "trainer.detect_anomaly"),
    ),
    "evaluate": ("evaluation", "read_files"),
    "record": ("description", "label", "tracking", "trainer", "evaluation", "identity"),
}
"""The values whose change reruns a stage; ``dvc.yaml`` names the same ones, and the digests of
`digests_read`. What `generate`, `pretrain` and `train` read makes up the identity."""

IDENTIFYING: tuple[Stage, ...] = ("generate", "pretrain", "train")
"""The stages whose reading makes up the identity."""

PLACEMENT: tuple[str, ...] = (
    *("trainer.accelerator", "trainer.devices", "trainer.nodes", "trainer.strategy"),
    *("trainer.workers", "trainer.checkpoint_minutes", "trainer.checkpoint_steps"),
    *("trainer.gradient_checkpointing", "trainer.profile"),
)
"""What `train` reads too: where and how it runs. By design no part of the identity, though another
kind of device may round differently."""

UNKEYED: dict[Stage, tuple[str, ...]] = {
    "generate": (),
    "pretrain": PLACEMENT,
    "train": (*PLACEMENT, "tracking"),
    "evaluate": (),
    # The identity stands for all of these.
    "record": (*READS["generate"], *READS["pretrain"], *READS["train"]),
}
"""What a stage may read without being rerun by it."""


def digests_read(stage: Stage) -> tuple[str, ...]:
    """The digests whose change reruns a stage. `record` computes no number from any package, but
    records by what the numbers were measured.
    """
    if stage == "record":
        return ("code.record", "code.evaluate", "packages.evaluate")
    return (f"code.{stage}", f"packages.{stage}")


HEADER = "# Written by `plait compose` from params.yaml and conf/. Edit those, not this file.\n"


UNDECLARED: dict[str, Any] = {"reads": [], "read_files": {}}
"""What runs of before 2026-12 say nothing of."""

WIDTH = 100


@dataclass(frozen=True)
class Resolved:
    """A checked, complete configuration.

    ``values`` holds the sections as plain data. A section of a choice starts with the key
    ``choice``. What the chosen model does not use is None.
    """

    values: dict[str, Any]
    stage: Stage | None = None
    """The stage that this is handed to: it can read what it has named and nothing else."""

    @classmethod
    def read(cls, path: Path) -> "Resolved":
        """Read ``resolved/NAME.yaml``.

        :raises UserError: if it has not been composed, or is not what was composed.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise UserError(
                f"{path.name}: no such resolved experiment; list {path.stem!r} in params.yaml"
                " and run `plait compose`"
            ) from None
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            values = yaml.load(text, loader)
        except yaml.YAMLError:
            values = None
        # The identity is written last: a file that ends before it is not whole.
        if not isinstance(values, dict) or "identity" not in values:
            raise UserError(f"{path.name}: not what `plait compose` wrote; run it again")
        missing = {key: none for key, none in UNDECLARED.items() if key not in values}
        return cls({**values, **missing})

    def text(self) -> str:
        """The file's text; keys keep their order."""
        return HEADER + as_text(self.values)

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.values["name"])

    @property
    def description(self) -> str:
        """The line that the experiment file gives."""
        return str(self.values["description"])

    @property
    def label(self) -> str:
        """What deviates from the experiment file, such as ``lr=0.1 batch_size=64``; or empty."""
        return str(self.values["label"])

    @property
    def identity(self) -> str:
        """The digest of everything that the training's numbers depend on."""
        return str(self.values["identity"])

    def __getitem__(self, key: str) -> Any:
        """The value at a dotted key, such as ``trainer.max_epochs``; None below what is unused."""
        value = self._at(key)
        if self.stage is not None:
            allowed = (*READS[self.stage], *UNKEYED[self.stage])
            for leaf, _ in _flatten(key, value):
                assert f"{leaf}.".startswith(tuple(f"{name}." for name in allowed)), (
                    f"stage {self.stage} reads {leaf}, which dvc.yaml does not name for it"
                )
        return value

    def _at(self, key: str) -> Any:
        value: Any = self.values if key not in UNDECLARED else {**UNDECLARED, **self.values}
        for part in key.split("."):
            if value is None:
                return None
            value = value[part]
        return value

    def handed_to(self, stage: Stage) -> "Resolved":
        """The same, readable only where ``stage`` may."""
        return Resolved(self.values, stage)

    def with_seed(self, seed: int) -> "Resolved":
        """The same for a member of an ensemble."""
        return Resolved({**self.values, "seed": seed, "ensemble": None}, self.stage)

    @property
    def user_files(self) -> dict[str, str]:
        """Of each of the user's files that it depends on, the digest."""
        # Older runs knew not all of the keys.
        keys = ("files", "model_files", "pretraining_files", "read_files")
        return {path: digest for key in keys for path, digest in self.values.get(key, {}).items()}

    def choice(self, group: str) -> str:
        """The name chosen in a group, such as ``mlp`` for ``model``."""
        return str(self[group]["choice"])

    def settings(self, group: str) -> dict[str, Any]:
        """The values of the choice in a group, without its name."""
        return {key: value for key, value in self[group].items() if key != "choice"}

    def read_by(self, stage: Stage) -> dict[str, Any]:
        """Everything whose change reruns a stage: its values and digests, by dotted key."""
        read: dict[str, Any] = {}
        for key in (*READS[stage], *digests_read(stage)):
            read.update(leaves(key, self._at(key)))
        return read

    @property
    def named_identity(self) -> str:
        """The identity that these values have: one digest of everything that the numbers of a
        training depend on, before anything has run. That is the values, code, user files and
        packages that `generate`, `pretrain` and `train` read.
        """
        read = {
            stage: {key: self._at(key) for key in READS[stage]}
            | {"code": self.values["code"][stage], "packages": self.values["packages"][stage]}
            for stage in IDENTIFYING
            if stage != "pretrain" or self.values["pretraining"] is not None
        }
        text = json.dumps(read, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def parameters(self) -> dict[str, Any]:
        """What the identity is made of, flat: ``{"optimizer": "sgd", "optimizer.lr": 0.01, …}``.

        A choice stands under its group's name; lists are kept whole; what is unused is left out.
        """
        flat: dict[str, Any] = {}
        for key in (key for stage in IDENTIFYING for key in READS[stage]):
            flat.update(_flatten(key, self._at(key)))
        return flat


def as_text(values: dict[str, Any]) -> str:
    """Plain data as YAML, keys in their order."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


class _Dumper(yaml.SafeDumper):
    """Mappings and lists that fit a line take one line."""

    def represent_data(self, data: Any) -> yaml.Node:
        node = super().represent_data(data)
        if isinstance(node, yaml.CollectionNode):
            deep = isinstance(data, dict) and any(isinstance(v, dict) for v in data.values())
            node.flow_style = not data or (not deep and len(str(data)) < WIDTH - 10)
        return node


def leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values at and below a dotted key; an empty mapping is a value, as it is for DVC."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(f"{key}.{name}", inner)
    else:
        yield key, value


def _flatten(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flatten(key if name == "choice" else f"{key}.{name}", inner)
    elif value is not None:
        yield key, value
