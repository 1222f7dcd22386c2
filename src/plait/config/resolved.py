"""The resolved configuration of one experiment: what `compose` writes and the stages read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from plait import digests
from plait.errors import ConfigurationError, UserError
from plait.json_types import Plain, Values, mapping_at
from plait.pipeline.stages import FILES, GROUPS, STAGES, Stage, identifying

HEADER = "# Written by `plait compose` from params.yaml and conf/. Edit those, not this file.\n"


UNDECLARED: Values = {
    **dict.fromkeys(GROUPS),
    **{key: {} for key in FILES},
    "reads": [],
    "pretraining_base": None,
    "decision": {"costs": None},
}
"""The values of keys that a run recorded before their introduction does not have."""

FAULT = "error"
"""The key that says why, in the file of an experiment that cannot be composed."""

WIDTH = 100


@dataclass(frozen=True)
class Resolved:
    """A checked, complete configuration.

    ``values`` holds the sections as plain data. A section of a choice starts with the key
    ``choice``. What the chosen model does not use is None.
    """

    values: Values
    stage: str | None = None
    """The stage that this is handed to: it can read what it has named and nothing else."""

    @classmethod
    def read(cls, path: Path) -> "Resolved":
        """Read ``resolved/NAME.yaml``.

        :raises UserError: if it has not been composed, cannot be, or is not what was composed.
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
        if isinstance(values, dict) and FAULT in values:
            raise ConfigurationError(values[FAULT])
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

    def __getitem__(self, key: str) -> Plain:
        """The value at a dotted key, such as ``trainer.max_epochs``; None below what is unused."""
        value = self._at(key)
        if self.stage is not None:
            allowed = _readable_by(STAGES[self.stage])
            for leaf, _ in _flatten(key, value):
                assert f"{leaf}.".startswith(tuple(f"{name}." for name in allowed)), (
                    f"stage {self.stage} reads {leaf}, which dvc.yaml does not name for it"
                )
        return value

    def _at(self, key: str) -> Plain:
        first, *inner = key.split(".")
        value = UNDECLARED[first] if first not in self.values else self.values[first]
        for part in inner:
            if value is None:
                return None
            assert isinstance(value, dict), f"{first} holds no {key}"
            value = value[part]
        return value

    def handed_to(self, stage: str) -> "Resolved":
        """The same, readable only where ``stage`` may."""
        return Resolved(self.values, stage)

    def with_seed(self, seed: int) -> "Resolved":
        """The same for a member of an ensemble."""
        return Resolved({**self.values, "seed": seed, "ensemble": None}, self.stage)

    @property
    def user_files(self) -> dict[str, str]:
        """The digest of each of the user's files that it depends on, by path."""
        files: dict[str, str] = {}
        for key in FILES:
            digest_of = self._at(key)
            assert isinstance(digest_of, dict), f"{key} holds no mapping"
            files |= {path: str(digest) for path, digest in digest_of.items()}
        return files

    def section(self, key: str) -> Values:
        """The mapping at a dotted key that holds one."""
        found = self[key]
        assert isinstance(found, dict), f"{key} holds no mapping"
        return found

    def optional_section(self, key: str) -> Values | None:
        """The mapping at a dotted key, or None where that is unused."""
        return None if self[key] is None else self.section(key)

    def integer(self, key: str) -> int:
        """The whole number at a dotted key that holds one."""
        found = self[key]
        assert isinstance(found, int), f"{key} holds no whole number"
        return found

    def choice(self, group: str) -> str:
        """The name chosen in a group, such as ``mlp`` for ``model``."""
        return str(self.section(group)["choice"])

    def settings(self, group: str) -> Values:
        """The values of the choice in a group, or of a section, without the choice's name."""
        return {key: value for key, value in self.section(group).items() if key != "choice"}

    def read_by(self, stage: str) -> Values:
        """Everything whose change reruns a stage: its values and digests, by dotted key."""
        read: Values = {}
        for key in STAGES[stage].keys:
            read.update(leaves(key, self._at(key)))
        return read

    @property
    def named_identity(self) -> str:
        """The identity that these values have: one digest of everything that the numbers of a
        training depend on, before anything has run. That is the values, code, user files and
        packages that the stages with ``in_identity`` read, those left out that have nothing to do.
        """
        read = {
            stage.name: {key: self._at(key) for key in stage.reads}
            | {key: mapping_at(self.values, key)[stage.name] for key in ("code", "packages")}
            for stage in identifying()
            if not self.leaves_idle(stage)
        }
        return digests.of_values(read)

    def leaves_idle(self, stage: Stage) -> bool:
        """Whether a stage has nothing to do: all that it is for is null."""
        return bool(stage.unless_null) and all(self._at(key) is None for key in stage.unless_null)

    def parameters(self) -> Values:
        """What the identity is made of, flat: ``{"optimizer": "sgd", "optimizer.lr": 0.01, …}``.

        A choice stands under its group's name; lists are kept whole; what is unused is left out.
        """
        flat: Values = {}
        for key in (key for stage in identifying() for key in stage.reads):
            flat.update(_flatten(key, self._at(key)))
        return flat


def identifies(key: str) -> bool:
    """Whether the identity depends on the value at a dotted key."""
    return any(f"{key}.".startswith(f"{read}.") for stage in identifying() for read in stage.reads)


def _readable_by(stage: Stage) -> tuple[str, ...]:
    """The keys that a stage can read."""
    keys = (*stage.reads, *stage.unkeyed)
    if "identity" in stage.reads:
        # Which stands for all that the identity is made of.
        keys += tuple(key for each in identifying() for key in each.reads)
    return keys


def as_text(values: Values) -> str:
    """Plain data as YAML, keys in their order."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


def text_of_fault(name: str, fault: str) -> str:
    """The resolved file of an experiment that cannot be composed.

    It holds every key that ``dvc.yaml`` names, as null: DVC runs its stages, which fail by saying
    what is wrong, and every other experiment's.
    """
    values: Values = {"name": name, FAULT: _Block(fault)}
    for stage in STAGES.values():
        for key in stage.keys:
            *above, last = key.split(".")
            here = values
            for part in above:
                if here.get(part) is None:
                    here[part] = {}
                here = mapping_at(here, part)
            here.setdefault(last, None)
    return HEADER + as_text(values)


class _Block(str):
    """Text that is written line by line."""


class _Dumper(yaml.SafeDumper):
    """Mappings and lists that fit a line take one line."""

    def represent_data(self, data: Plain) -> yaml.Node:
        node = super().represent_data(data)
        if isinstance(node, yaml.CollectionNode):
            deep = isinstance(data, dict) and any(isinstance(v, dict) for v in data.values())
            node.flow_style = not data or (not deep and len(str(data)) < WIDTH - 10)
        return node


_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
"""Text that YAML 1.2 takes for a number: DVC reads by that, PyYAML writes by 1.1."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "'" if _NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(
    _Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
)


def leaves(key: str, value: Plain) -> Iterator[tuple[str, Plain]]:
    """The values at and below a dotted key; an empty mapping is a value, as it is for DVC."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(f"{key}.{name}", inner)
    else:
        yield key, value


def _flatten(key: str, value: Plain) -> Iterator[tuple[str, Plain]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flatten(key if name == "choice" else f"{key}.{name}", inner)
    elif value is not None:
        yield key, value
