"""What the user sets, above the experiment file: in ``params.yaml`` and on the command line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import yaml

from plait.config.registry import SECTIONS
from plait.errors import ConfigurationError
from plait.json_types import Json, Plain, Values, list_at
from plait.pipeline.stages import GROUPS
from plait.workspace import CONF, choice_in, defaults_in

if TYPE_CHECKING:
    from hydra.core.override_parser.types import ParsedElementType, Sweep

FILE_GROUPS = (*GROUPS, "debug")
"""Groups of ``conf/`` that a string chooses from."""

ROOT_KEYS = ("description", "seed", "batch_size", "ensemble", "reads")
"""Values that stand in no group and no section."""

Key = TypeVar("Key")


@dataclass(frozen=True)
class ConfigLayer:
    """The choices and values of one level of precedence."""

    origin: str
    """How errors call it: ``params.yaml`` or ``command line``."""
    choices: Values = field(default_factory=dict)
    """The choice of each group: a name, a list of names, or None for none."""
    values: Values = field(default_factory=dict)
    """Nested."""

    def deviations(self) -> Iterator[tuple[str, Plain]]:
        """Everything set here, choices first, as dotted keys and values."""
        yield from self.choices.items()
        yield from flat(self.values)


def flat(values: Values, above: str = "") -> Iterator[tuple[str, Plain]]:
    """The leaves of nested mappings, by dotted key."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def read_params(path: Path) -> dict[str, Values]:
    """The mapping ``experiments`` of ``params.yaml``: by name, what is set there.

    :raises ConfigurationError: if the file is missing, malformed, or of another shape.
    """
    content = read_yaml(path)
    for key in content:
        if key in (*FILE_GROUPS, *SECTIONS, *ROOT_KEYS):
            raise ConfigurationError(
                f"{path.name}: {key} stands outside of `experiments`; set it below an"
                " experiment's name"
            )
    listed = content.get("experiments")
    if not isinstance(listed, dict) or not listed:
        raise ConfigurationError(
            f"{path.name}: `experiments` must list at least one experiment,"
            " such as `linear_regression: {}`"
        )
    experiments: dict[str, Values] = {}
    for name, values in listed.items():
        check_name(name, path.name)
        if not isinstance(values, dict):
            given = "empty" if values is None else repr(values)
            raise ConfigurationError(
                f"{path.name}: experiments.{name} is {given}; it must be a mapping of what"
                f" differs, such as `{name}: {{}}`"
            )
        experiments[name] = values
    return experiments


def check_name(name: Json, origin: str) -> None:
    """Refuse a name that cannot name files, stages and runs alike."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ConfigurationError(
            f"{origin}: {name!r} is no plain identifier; an experiment's name starts with a letter,"
            " then letters, digits and underscores"
        )


def read_yaml(path: Path) -> Values:
    """A YAML file that holds a mapping; numbers such as ``1e-3`` are numbers.

    :raises ConfigurationError: naming file and line, if it is malformed.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError:
        raise ConfigurationError(f"{shown_path(path)} is missing") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(_malformed(path, error)) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{shown_path(path)} is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from None
    except (OmegaConfBaseException, OSError) as error:
        raise ConfigurationError(f"{shown_path(path)}: {error}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{shown_path(path)} must hold a mapping of keys to values")
    return _with_text_keys(content)


def _with_text_keys(values: Mapping[Key, Plain]) -> Values:
    return {
        str(key): _with_text_keys(value) if isinstance(value, dict) else value
        for key, value in values.items()
    }


def _malformed(path: Path, error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or "not readable as YAML"
    # Of a line without a colon, YAML notices at the next one.
    place = "context_mark" if problem == "could not find expected ':'" else "problem_mark"
    mark = getattr(error, place, None)
    line = f", line {mark.line + 1}" if mark else ""
    return f"{shown_path(path)}{line}: malformed YAML: {problem}"


def shown_path(path: Path) -> str:
    """A file as seen from the project's folder."""
    parts = path.parts
    return "/".join(parts[parts.index(CONF) :]) if CONF in parts else path.name


def root_level(conf: Path) -> ConfigLayer:
    """``conf/config.yaml``: a default choice for every group, and the values beside them.

    Of a group that it does not name, nothing is chosen.
    """
    values = read_yaml(defaults_in(conf))
    choices: Values = dict.fromkeys(GROUPS)
    for item in list_at(values, "defaults"):
        if isinstance(item, dict):
            choices |= item
    del values["defaults"]
    del choices["experiment"]
    return ConfigLayer("conf/config.yaml", choices, values)


def experiment_levels(conf: Path, name: str, above: tuple[str, ...] = ()) -> list[ConfigLayer]:
    """An experiment file as a level, after those of the files that it builds upon.

    :param above: the files that build upon this one.

    :raises ConfigurationError: for a header or a defaults list that Hydra would misread.
    """
    path = choice_in(conf, "experiment", name)
    if not path.is_file():
        raise ConfigurationError(f"conf/experiment/{name}.yaml is missing")
    origin = shown_path(path)
    values = read_yaml(path)
    if not path.read_text(encoding="utf-8").startswith("# @package _global_\n"):
        raise ConfigurationError(f"{origin}: its first line must be `# @package _global_`")
    listed = values.pop("defaults", None) or []
    if not isinstance(listed, list):
        raise ConfigurationError(
            f"{origin}: defaults must be a list, such as `- override /model: mlp`"
        )
    below: list[ConfigLayer] = []
    choices: Values = {}
    for item in listed:
        if isinstance(item, str):
            if item in (*above, name):
                raise ConfigurationError(f"{origin}: defaults: {item} builds upon itself")
            below += [] if item == "_self_" else experiment_levels(conf, item, (*above, name))
            continue
        if not isinstance(item, dict):
            raise ConfigurationError(
                f"{origin}: defaults: {item!r} is neither an experiment"
                " nor `override /GROUP: CHOICE`"
            )
        for key, choice in item.items():
            group = str(key).rpartition(" ")[2].removeprefix("/")
            if not str(key).startswith("override /"):
                raise ConfigurationError(
                    f"{origin}: defaults: {key}: {choice}: write `override /{group}: {choice}`"
                )
            choices[group] = choice
    for group in FILE_GROUPS:
        value = values.get(group, {})
        if not isinstance(value, dict) or "choice" in value:
            choice = value.get("choice") if isinstance(value, dict) else value
            raise ConfigurationError(
                f"{origin}: {group}: choose by `override /{group}: {choice}` in the list `defaults`"
            )
    return [*below, ConfigLayer(origin, choices, values)]


def level_of_params(values: Values, origin: str = "params.yaml") -> ConfigLayer:
    """A mapping as in ``params.yaml``: ``model: mlp`` chooses, ``optimizer: {lr: 0.1}`` sets,
    ``{choice: adam, lr: 0.1}`` does both.
    """
    choices: Values = {}
    rest: Values = {}
    for key, value in values.items():
        if key not in FILE_GROUPS:
            rest[key] = value
        elif isinstance(value, dict):
            inner = dict(value)
            if "choice" in inner:
                choices[key] = inner.pop("choice")
            if inner:
                rest[key] = inner
        else:
            choices[key] = value
    return ConfigLayer(origin, choices, rest)


def level_of_overrides(overrides: list[str]) -> ConfigLayer:
    """Overrides of the command line, in Hydra's grammar: ``optimizer.lr=0.1``, ``model=mlp``.

    :raises ConfigurationError: for one that Hydra's grammar does not know, or a deletion.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    nested: Values = {}
    for text in overrides:
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException as error:
            raise ConfigurationError(
                f"command line: {text!r} is no override such as optimizer.lr=0.1"
                f" ({str(error).splitlines()[0]})"
            ) from None
        if override.is_delete() or override.is_sweep_override():
            raise ConfigurationError(
                f"command line: {text!r}: a single value is needed, such as optimizer.lr=0.1;"
                " `plait run -m` takes several"
            )
        *path, last = override.key_or_group.replace("/", ".").split(".")
        here = nested
        for part in path:
            inner = here.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = here[part] = {"choice": inner}
            here = inner
        value = _plain(override.value())
        group = here.get(last)
        if isinstance(group, dict) and not isinstance(value, dict):
            group["choice"] = value
        else:
            here[last] = value
    return level_of_params(nested, "command line")


def _plain(value: "ParsedElementType | Sweep") -> Plain:
    """Hydra's quoted strings and containers as plain values."""
    from hydra.core.override_parser.types import QuotedString, Sweep

    assert not isinstance(value, Sweep), "a single value"

    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    return value
