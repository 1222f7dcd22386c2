"""What a stage went by and what it left, written down: so is known whose outputs lie there.

DVC's lock file says it of the stages that DVC runs and of outputs that it has restored; what plait
runs by itself leaves a receipt of the same kind.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import yaml

from plait.artifacts import read_json, write_json
from plait.config.resolved import Resolved, leaves
from plait.contents import Contents
from plait.json_types import Json, Values
from plait.pipeline.stages import Stage
from plait.workspace import PIPELINE_LOCK, Outputs, Workspace

_EXPONENT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")


@dataclass(frozen=True)
class Receipt:
    """What a stage read and left at one of its runs."""

    read: Values
    """The values that the stage read, as `Resolved.read_by` has them."""
    taken: dict[str, str]
    """Digests of what it read of other stages, by name."""
    left: dict[str, str]
    """Digests of what it left, by name."""

    def is_of(self, resolved: Resolved, stage: str, now: dict[str, str]) -> bool:
        """Whether it tells of these values, and of what lies there now.

        :param now: digests by name; names that are missing are not asked about.
        """
        then = {**self.taken, **self.left}
        return _numbers(self.read) == _numbers(resolved.read_by(stage)) and all(
            then.get(name) == digest for name, digest in now.items()
        )


def write_receipt(contents: Contents, resolved: Resolved, stage: str, outputs: Outputs) -> None:
    """Write down what a stage that has just ended went by and left."""
    receipt = Receipt(
        resolved.read_by(stage),
        digests(contents, outputs.taken_by(stage)),
        digests(contents, outputs.left_by(stage)),
    )
    write_json(outputs.receipt(stage), asdict(receipt))


def is_left_by(contents: Contents, resolved: Resolved, stage: str, outputs: Outputs) -> bool:
    """Whether all that a stage leaves lies there, made by these values of what lies there."""
    try:
        now = digests(contents, outputs.taken_by(stage) | outputs.left_by(stage))
    except FileNotFoundError:
        return False
    return any(each.is_of(resolved, stage, now) for each in _own(outputs, stage))


class Receipts:
    """All that is written down of the last runs of an experiment's stages."""

    def __init__(self, workspace: Workspace, name: str, outputs: Outputs) -> None:
        self._workspace, self._name, self._outputs = workspace, name, outputs

    def of(self, stage: str) -> Iterator[Receipt]:
        """The receipts of one stage: plait's own, and DVC's of what lies where DVC has it."""
        yield from _own(self._outputs, stage)
        if self._outputs == self._workspace.outputs(self._name):
            yield from self._of_dvc(stage)

    def _of_dvc(self, stage: str) -> Iterator[Receipt]:
        entry = self._locked.get(f"{stage}@{self._name}")
        if not isinstance(entry, dict):
            return
        names = {
            path.relative_to(self._workspace.root).as_posix(): key
            for key, path in (self._outputs.taken_by(stage) | self._outputs.left_by(stage)).items()
        }

        def of(section: str) -> dict[str, str]:
            listed = entry.get(section) or []
            assert isinstance(listed, list)
            return {
                names[str(each["path"])]: str(each["md5"])
                for each in listed
                if isinstance(each, dict) and each["path"] in names
            }

        read_by_file = entry.get("params") or {}
        assert isinstance(read_by_file, dict)
        values = read_by_file.get(f"resolved/{self._name}.yaml") or {}
        assert isinstance(values, dict)
        read = {leaf: value for key in values for leaf, value in leaves(key, values[key])}
        yield Receipt(read, of("deps"), of("outs"))

    @cached_property
    def _locked(self) -> Values:
        """The stages that ``dvc.lock`` tells of; none if it is missing or no such file."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            text = (self._workspace.root / PIPELINE_LOCK).read_text(encoding="utf-8")
            stages: Values = yaml.load(text, loader)["stages"]
        except (FileNotFoundError, yaml.YAMLError, KeyError, TypeError):
            return {}
        return stages


def relevant(stage: Stage, names: dict[str, str]) -> dict[str, str]:
    """Those of the digests ``names`` that a receipt of a stage tells of."""
    known = (*stage.inputs, *(output.name for output in stage.outputs))
    return {key: value for key, value in names.items() if key in known}


def digests(contents: Contents, paths: dict[str, Path]) -> dict[str, str]:
    """The digest of what lies at each of some paths, by name.

    :raises FileNotFoundError: if something does not.
    """
    return {name: contents.digest(path) for name, path in paths.items()}


def _numbers(value: Json) -> Json:
    """The value with ``1e-08`` as a number, as DVC's YAML 1.2 has it and PyYAML's 1.1 has not."""
    if isinstance(value, dict):
        return {key: _numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_numbers(inner) for inner in value]
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def _own(outputs: Outputs, stage: str) -> Iterator[Receipt]:
    path = outputs.receipt(stage)
    if path.exists():
        try:
            yield Receipt(**read_json(path))
        except (ValueError, TypeError):
            # Damaged: then it tells nothing.
            return
