"""A recorded configuration as an experiment file: what differs from the experiment it came from.

The file is tried before it is written, in a copy of ``conf/``: it must compose to the recorded
values, every one.
"""

import math
import re
import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from plait.config.closure import chosen
from plait.config.compose import Project
from plait.config.fields import as_yaml
from plait.config.resolved import Resolved, as_text
from plait.errors import ConfigurationError, UserError
from plait.json_types import Json, Values, mapping_at
from plait.pipeline.stages import FILES, GROUPS, STAGES
from plait.workspace import CONF, choice_in

BESIDE_VALUES = (
    *("name", "description", "label"),
    *("pretraining_base", "code", "packages", "identity"),
    *FILES,
)
"""Keys of the resolved file that no experiment file sets."""

OF_GRADIENTS = ("objective", "optimizer", "schedule", "callbacks", "batch_size")
"""What is cleared where the model takes no gradient steps; so is most of ``trainer``."""

LONGEST_NAME = 60
"""Characters of a name that is made up."""

LONGEST_DESCRIPTION = 99

_DRAFT = "draft_of_promotion"


@dataclass(frozen=True)
class ConfigDiff:
    """What makes the recorded configuration of an experiment that builds upon another."""

    base: str
    choices: Values
    """The choice of each group where it is another than the base's."""
    values: Values
    """Nested; relative to the files of the choices in effect."""

    def __bool__(self) -> bool:
        return bool(self.choices or self.values)

    def text(self, description: str) -> str:
        """The experiment file."""
        lines = ["# @package _global_", _section("description", description)]
        lines += ["defaults:", f"  - {self.base}"]
        for group, choice in self.choices.items():
            shown = f"[{', '.join(map(str, choice))}]" if isinstance(choice, list) else choice
            lines.append(f"  - override /{group}: {shown}")
        if self.values:
            lines += ["", *(_section(key, value) for key, value in self.values.items())]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Recomposed:
    """A recorded configuration, composed of today's files."""

    deviations: ConfigDiff
    resolved: Resolved
    """The configuration with today's code, packages and data files; its name stands for nothing."""


def rewrite(project: Project, recorded: Resolved) -> Recomposed:
    """Express a recorded configuration by what differs from its experiment's file.

    What ``params.yaml`` sets for that experiment counts as a difference from its file.

    :raises UserError: if today's files can't express it, naming the first value that differs.
    """
    base = recorded.name
    try:
        with _draft_of(project) as draft:
            deviations = ConfigDiff(base, {}, {})
            used = _set_by_files(recorded)
            # The objective comes last: where none is chosen, the data decide.
            for keys in (used - {"objective"}, used & {"objective"}):
                below = _merge(draft, deviations)
                choices = deviations.choices | _other_choices(keys, recorded, below)
                below = _merge(draft, ConfigDiff(base, choices, deviations.values))
                values = deviations.values | _other_values(keys, recorded, below)
                deviations = ConfigDiff(base, choices, values)
            _write(draft, deviations)
            composed = draft.compose(_DRAFT)
    except ConfigurationError as error:
        raise UserError(
            f"what the run recorded of {base} can't be composed any more:\n"
            f"  {str(error).replace(_DRAFT, base)}"
        ) from error
    difference = _first_difference(_settings(recorded), _settings(composed))
    if difference:
        raise UserError(f"what the run recorded of {base} can't be composed any more: {difference}")
    return Recomposed(deviations, composed)


def name_for(recorded: Resolved) -> str:
    """A name made of the experiment's and of what deviates: ``linear_regression_lr_0_01``."""
    name = recorded.name
    for word in recorded.label.split(" "):
        longer = name + "_" + re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_")
        if word and len(longer) <= LONGEST_NAME:
            name = longer
    return name


def describe(recorded: Resolved) -> str:
    """A line for the experiment file."""
    label = recorded.label or "the values of a recorded run"
    return textwrap.shorten(f"{recorded.name} with {label}", LONGEST_DESCRIPTION, placeholder=" …")


def what_changed(recorded: Resolved, now: Resolved) -> list[str]:
    """What of code, packages and data files is not as it was recorded, in words."""
    then_code, now_code = (mapping_at(each.values, "code") for each in (recorded, now))
    stages = [name for name, stage in STAGES.items() if stage.computes and name in then_code]
    words = [f"the code of {stage}" for stage in stages if then_code[stage] != now_code[stage]]
    packages: dict[str, str] = {}
    for stage in stages:
        old, new = (
            mapping_at(mapping_at(each.values, "packages"), stage) for each in (recorded, now)
        )
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                packages[name] = f"{name} {old.get(name, 'none')} -> {new.get(name, 'none')}"
    then, today = recorded.user_files, now.user_files
    files = [path for path in sorted(then | today) if then.get(path) != today.get(path)]
    return [*words, *packages.values(), *files]


def _section(key: str, value: Json) -> str:
    if isinstance(value, dict):
        return as_text({key: value}).rstrip("\n")
    return yaml.safe_dump({key: value}, allow_unicode=True, width=math.inf).rstrip("\n")


def _settings(resolved: Resolved) -> Values:
    """The values that files, params.yaml or the command line set."""
    return {key: value for key, value in resolved.values.items() if key not in BESIDE_VALUES}


def _set_by_files(recorded: Resolved) -> set[str]:
    """The keys at the top that an experiment file can set, and the recorded model uses."""
    unused = [] if recorded["optimizer"] is not None else [*OF_GRADIENTS]
    unused += [group for group in GROUPS if recorded.values.get(group) is None]
    return recorded.values.keys() - {*BESIDE_VALUES, *unused}


def _other_choices(keys: set[str], recorded: Resolved, below: Values) -> Values:
    found: Values = {}
    for group in (group for group in GROUPS if group in keys & recorded.values.keys()):
        names = chosen(recorded, group)
        if names != sorted(chosen(Resolved(below), group)):
            found[group] = [*names] if GROUPS[group].several else names[0]
    return found


def _other_values(keys: set[str], recorded: Resolved, below: Values) -> Values:
    """The recorded values that are not those of ``below``, nested."""
    wanted = {key: value for key, value in recorded.values.items() if key in keys}
    for group in keys & {group for group, definition in GROUPS.items() if not definition.several}:
        wanted[group] = recorded.settings(group)
    if recorded["optimizer"] is None:
        cleared = recorded.section("trainer").items()
        wanted["trainer"] = {key: value for key, value in cleared if value is not None}
    return _above(wanted, below)


def _above(values: Values, under: Values) -> Values:
    found: Values = {}
    for key, value in values.items():
        below = under.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            inner = _above(value, below)
            found |= {key: inner} if inner else {}
        elif key not in under or under[key] != value:
            found[key] = value
    return found


def _first_difference(then: Values, now: Values, above: str = "") -> str | None:
    for key in (*then, *(key for key in now if key not in then)):
        before, after = then.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found = _first_difference(before, after, f"{above}{key}.")
            if found:
                return found
        elif key not in then or key not in now or then[key] != now[key]:
            was, would = (as_yaml(of[key]) if key in of else "missing" for of in (then, now))
            return f"{above}{key} was {was}, and would be {would} now"
    return None


@contextmanager
def _draft_of(project: Project) -> Iterator[Project]:
    """The project with a ``conf/`` to write in."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for path in project.root.resolve().iterdir():
            if path.name != CONF:
                (root / path.name).symlink_to(path)
        shutil.copytree(project.conf, root / CONF)
        yield Project(root)


def _write(draft: Project, deviations: ConfigDiff) -> None:
    path = choice_in(draft.conf, "experiment", _DRAFT)
    path.write_text(deviations.text("A draft"), encoding="utf-8")


def _merge(draft: Project, deviations: ConfigDiff) -> Values:
    _write(draft, deviations)
    return draft.merge(_DRAFT).values
