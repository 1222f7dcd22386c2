"""The menu of choices, ``conf/``, and what becomes of it by what a user chooses and sets."""

import re
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from plait.config.check import unknown_choice
from plait.config.levels import (
    FILE_GROUPS,
    ConfigLayer,
    experiment_levels,
    read_yaml,
    root_level,
    shown_path,
)
from plait.config.registry import choices, family_of, settings_of
from plait.config.renamed import key_today
from plait.errors import ConfigurationError, did_you_mean
from plait.json_types import Plain, Values
from plait.pipeline.stages import GROUPS
from plait.settings import WithTask
from plait.tasks.registry import task_named
from plait.workspace import choice_in


class Menu:
    """The files of choices; each is read once.

    :param conf: the folder.
    """

    def __init__(self, conf: Path) -> None:
        self.conf = conf
        # Trials of a sweep choose much alike.
        self._files: dict[tuple[str, str], Values] = {}

    def merge(self, name: str, *users: ConfigLayer) -> "Merged":
        """The values of an experiment, unchecked, and where they come from.

        :param users: what the user sets above the experiment file, lowest precedence first.
        :raises ConfigurationError: for a choice that is not on the menu, or a value that cannot be
            interpolated.
        """
        self._check_experiment(name)
        files = experiment_levels(self.conf, name)
        root = root_level(self.conf)
        chosen = dict(root.choices)
        for level in (*files, *users):
            self._check_choices(name, level, root.choices)
            chosen |= level.choices
        if debug := chosen.get("debug"):
            path = choice_in(self.conf, "debug", str(debug))
            files.append(ConfigLayer(shown_path(path), {}, read_yaml(path)))
        counting = _effective_layers([*files, *users], root.choices, chosen)
        values = self._defaults(root, chosen)
        for level in counting:
            self._check_callbacks(name, chosen, level)
            _overlay(values, level.values)
        values = _interpolated(name, values, chosen)
        chosen["objective"] = chosen["objective"] or self._default_objective(chosen, values)
        for group in GROUPS:
            self._complete(group, chosen[group], values)
        menu = [
            ConfigLayer(f"conf/{group}/{choice}.yaml", {}, {group: self._file(group, choice)})
            for group in GROUPS
            for choice in _names(chosen[group])
        ]
        return Merged(values, (root, *menu, *counting), users)

    def _complete(self, group: str, choice: Plain, values: Values) -> None:
        """Put a group's choice before its values; None where nothing is chosen."""
        if GROUPS[group].several:
            values[group] = values.get(group) or {}
        elif choice is None:
            values[group] = None
        else:
            given = values.get(group)
            if not isinstance(given, dict | None):
                return  # which `check` will say
            if group == "objective":
                given = {**self._file(group, str(choice)), **(given or {})}
            values[group] = {"choice": choice, **(given or {})}

    def _default_objective(self, chosen: Values, values: Values) -> str | None:
        """Of a model trained by gradients, what the task of its data asks for."""
        if not family_of(str(chosen["model"])).by_gradient:
            return None
        try:
            settings = settings_of("data", str(chosen["data"])).model_validate(values["data"])
        except ValidationError:
            return None  # which `check` will say
        assert isinstance(settings, WithTask)
        return task_named(settings.task).objective

    def _defaults(self, root: ConfigLayer, chosen: Values) -> Values:
        """The values of the chosen files, and over them those of ``conf/config.yaml``."""
        values: Values = {}
        for group in GROUPS:
            for choice in _names(chosen[group]):
                section = values.setdefault(group, {})
                assert isinstance(section, dict)
                _overlay(section, self._file(group, choice))
        _overlay(values, root.values)
        return values

    def _file(self, group: str, choice: str) -> Values:
        """The values of a choice, as its file holds them."""
        if (group, choice) not in self._files:
            self._files[group, choice] = read_yaml(choice_in(self.conf, group, choice))
        return self._files[group, choice]

    def _check_experiment(self, name: str) -> None:
        if not choice_in(self.conf, "experiment", name).is_file():
            known = choices(self.conf, "experiment")
            raise ConfigurationError(
                f"{unknown_choice('experiment', name, known)}\n       define it in"
                f" conf/experiment/{name}.yaml"
            )

    def _check_choices(self, name: str, level: ConfigLayer, defaults: Values) -> None:
        for group, chosen in level.choices.items():
            if group not in FILE_GROUPS:
                near = did_you_mean(group, FILE_GROUPS)
                raise ConfigurationError(f"{level.origin}: no such group: {group}{near}")
            if chosen is None and defaults[group] not in (None, []):
                known = ", ".join(choices(self.conf, group))
                raise ConfigurationError(f"{name}: {group}: is null; choose one of {known}")
            if isinstance(chosen, list) and not (group in GROUPS and GROUPS[group].several):
                raise ConfigurationError(f"{name}: {group}: {chosen!r} is a list; choose one")
            for choice in _names(chosen):
                self._check_choice(f"{name}: ", group, choice, f" ({level.origin})")

    def _check_callbacks(self, name: str, chosen: Values, level: ConfigLayer) -> None:
        """Refuse values for a callback that is not among those chosen."""
        for group in (group for group, definition in GROUPS.items() if definition.several):
            given = level.values.get(group)
            for choice in given if isinstance(given, dict) else {}:
                if choice not in _names(chosen[group]):
                    self._check_choice(f"{name}: ", group, choice, f" ({level.origin})")
                    raise ConfigurationError(
                        f"{name}: {group}.{choice}: has values but is not chosen; add"
                        f" `choice: [{choice}]` ({level.origin})"
                    )

    def _check_choice(self, prefix: str, group: str, choice: str, suffix: str = "") -> None:
        known = choices(self.conf, group)
        if choice not in known:
            raise ConfigurationError(f"{prefix}{unknown_choice(group, choice, known)}{suffix}")


@dataclass(frozen=True)
class Merged:
    """The values of an experiment and their levels."""

    values: Values
    levels: tuple[ConfigLayer, ...]
    """What set them, lowest precedence first: the defaults, the chosen files of the menu, the
    experiment files, the debug preset, params.yaml, the command line; without values that a
    replaced choice took along."""
    users: tuple[ConfigLayer, ...]
    """Of these, what the user set beside the files: params.yaml and the command line, whole."""

    def origin(self, key: str) -> str:
        """The level that set ``key``, for error messages; empty for the menu's own files."""
        for level in reversed((*self.levels, *self.users)):
            if level.origin.startswith("conf/") and "/experiment/" not in level.origin:
                continue
            if any(_within(key, set_key) for set_key, _ in level.deviations()):
                return f" ({level.origin})"
        return ""


def _effective_layers(
    levels: list[ConfigLayer], defaults: Values, chosen: Values
) -> list[ConfigLayer]:
    """The levels without the values for choices that a higher level replaced."""
    counting = []
    in_effect = dict(defaults)
    for level in levels:
        in_effect |= level.choices
        kept = {
            key: value
            for key, value in level.values.items()
            if key not in GROUPS
            or GROUPS[key].several
            or _names(in_effect[key]) == _names(chosen[key])
        }
        counting.append(ConfigLayer(level.origin, level.choices, kept))
    return counting


def _overlay(values: Values, above: Values) -> None:
    """Set ``above`` on top of ``values``: mappings key by key, everything else whole."""
    for key, value in above.items():
        below = values.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            _overlay(below, value)
        else:
            values[key] = deepcopy(value)


def _interpolated(name: str, values: Values, chosen: Values) -> Values:
    """With ``${other.key}`` replaced by the value there.

    :param chosen: by group.
    :raises ConfigurationError: for a key that is not there, or a value left as ``???``.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        config = OmegaConf.create(values)
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = f"{error.full_key}: " if error.full_key else ""
        said = str(error).splitlines()[0]
        if missing := re.search(r"Interpolation key '([\w.]+)'", said):
            new = key_today(missing[1], chosen.get(missing[1].partition(".")[0]))
            said += f"; it is now {new}" if new != missing[1] else ""
        raise ConfigurationError(f"{name}: {key}{said}") from None
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _within(key: str, set_key: str) -> bool:
    return bool(key) and (key == set_key or set_key.startswith(f"{key}."))


def _names(choice: Plain) -> list[str]:
    if choice is None:
        return []
    return [str(item) for item in choice] if isinstance(choice, list) else [str(choice)]
