"""Composition: ``conf/``, ``params.yaml`` and the command line into one resolved experiment.

Precedence: defaults < ``conf/experiment/NAME`` < ``params.yaml`` < command line. A choice that a
higher level replaces takes the values set for the old choice with it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from plait.artifacts import Workspace, write_text
from plait.config.check import check, unknown_choice
from plait.config.closure import Code
from plait.config.fields import as_yaml
from plait.config.files import digest_of
from plait.config.levels import (
    FILE_GROUPS,
    ConfigLayer,
    check_name,
    experiment_levels,
    flat,
    level_of_overrides,
    level_of_params,
    read_params,
    read_yaml,
    root_level,
    shown_path,
)
from plait.config.packages import check_installed, versions_of
from plait.config.registry import SECTIONS, choices, family_of, settings_of
from plait.config.renamed import key_today
from plait.config.resolved import Resolved, identifies, text_of_fault
from plait.contents import Contents
from plait.errors import ConfigurationError, did_you_mean
from plait.pipeline.stages import GROUPS, STAGES
from plait.state import State
from plait.tasks.registry import task_named

LOCK = "requirements.lock"

BASE_KEYS = ("origin", "name", "revision", "digest")
"""The settings of a language model that say which one it is."""


@dataclass(frozen=True)
class Project:
    """A checkout as composition sees it."""

    root: Path

    @property
    def conf(self) -> Path:
        """The menu of choices."""
        return self.root / "conf"

    @cached_property
    def state(self) -> State:
        """What is known of files that were read before."""
        return State.of(Workspace.at(self.root))

    @cached_property
    def contents(self) -> Contents:
        """The digests of the user's files."""
        return Contents(self.state)

    @cached_property
    def code(self) -> Code:
        """The first-party code."""
        return Code(self.root / "src", self.state)

    @cached_property
    def listed(self) -> dict[str, dict[str, Any]]:
        """What ``params.yaml`` lists, by experiment."""
        return read_params(self.root / "params.yaml")

    @cached_property
    def _files(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The files of the menu that were read: trials of a sweep choose much alike."""
        return {}

    def compose_each(self) -> dict[str, Resolved | ConfigurationError]:
        """Every listed experiment, or what is wrong with it: also that it is the very training that
        another one is.

        :raises ConfigurationError: for a fault of ``params.yaml`` or ``conf/config.yaml``, which is
            no experiment's own.
        """
        root_level(self.conf)
        experiments: dict[str, Resolved | ConfigurationError] = {}
        names: dict[str, str] = {}
        for name in self.listed:
            try:
                resolved = self.compose(name)
            except ConfigurationError as error:
                experiments[name] = error
                continue
            first = names.setdefault(resolved.identity, name)
            experiments[name] = (
                resolved
                if first == name
                else ConfigurationError(
                    f"{name}: is the very training that {first} is, and one training is one run;"
                    " list one of them, or let them differ"
                )
            )
        return experiments

    def compose_all(self) -> dict[str, Resolved]:
        """Every listed experiment.

        :raises ConfigurationError: with everything that is wrong with any.
        """
        each = self.compose_each()
        faults = [str(found) for found in each.values() if isinstance(found, ConfigurationError)]
        if faults:
            raise ConfigurationError("\n       ".join(faults))
        return {name: found for name, found in each.items() if isinstance(found, Resolved)}

    def compose(
        self,
        name: str,
        overrides: list[str] | None = None,
        params: dict[str, Any] | None = None,
    ) -> Resolved:
        """One experiment, listed or not.

        :param overrides: of the command line, in Hydra's grammar.
        :param params: instead of what ``params.yaml`` lists for it.
        :raises ConfigurationError: with everything that is wrong, in at most four lines.
        """
        merged = self.merge(name, overrides, params)
        settings = check(name, merged.values, merged.origin)
        return self._resolve(name, merged, settings)

    def merge(
        self,
        name: str,
        overrides: list[str] | None = None,
        params: dict[str, Any] | None = None,
    ) -> "Merged":
        """The values of an experiment, unchecked, and where they come from."""
        self._check_experiment(name)
        files = experiment_levels(self.conf, name)
        users = [
            level_of_params(self.listed.get(name, {}) if params is None else params),
            level_of_overrides(overrides or []),
        ]
        root = root_level(self.conf)
        chosen = dict(root.choices)
        for level in (*files, *users):
            self._check_choices(name, level, root.choices)
            chosen |= level.choices
        if chosen.get("debug"):
            path = self.conf / "debug" / f"{chosen['debug']}.yaml"
            files.append(ConfigLayer(shown_path(path), {}, read_yaml(path)))
        counting = _effective_layers([*files, *users], root.choices, chosen)
        values = self._menu(root, chosen)
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
        return Merged(values, (root, *menu, *counting), tuple(users))

    def _complete(self, group: str, choice: Any, values: dict[str, Any]) -> None:
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
                given = {**self._file(group, choice), **(given or {})}
            values[group] = {"choice": choice, **(given or {})}

    def _default_objective(self, chosen: dict[str, Any], values: dict[str, Any]) -> str | None:
        """The objective that the data's task asks for, of a model that is trained by gradients."""
        if not family_of(chosen["model"]).by_gradient:
            return None
        try:
            settings: Any = settings_of("data", chosen["data"]).model_validate(values["data"])
        except ValidationError:
            return None  # which `check` will say
        return task_named(settings.task).objective

    def _menu(self, root: ConfigLayer, chosen: dict[str, Any]) -> dict[str, Any]:
        """The values of the chosen files, and over them those of ``conf/config.yaml``."""
        values: dict[str, Any] = {}
        for group in GROUPS:
            for choice in _names(chosen[group]):
                _overlay(values.setdefault(group, {}), self._file(group, choice))
        _overlay(values, root.values)
        return values

    def _digests(self, files: Iterable[str], name: str) -> dict[str, str]:
        """The digests of the user's files that an experiment reads, by path."""
        return {path: digest_of(self.contents, self.root, path, name) for path in files}

    def _file(self, group: str, choice: str) -> dict[str, Any]:
        """The values of a choice, as its file holds them."""
        if (group, choice) not in self._files:
            self._files[group, choice] = read_yaml(self.conf / group / f"{choice}.yaml")
        return self._files[group, choice]

    def _check_experiment(self, name: str) -> None:
        check_name(name, "params.yaml" if name in self.listed else "command line")
        if not (self.conf / "experiment" / f"{name}.yaml").is_file():
            known = choices(self.conf, "experiment")
            raise ConfigurationError(
                f"{unknown_choice('experiment', name, known)}\n       define it in"
                f" conf/experiment/{name}.yaml"
            )

    def _check_choices(self, name: str, level: ConfigLayer, defaults: dict[str, Any]) -> None:
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

    def _check_callbacks(self, name: str, chosen: dict[str, Any], level: ConfigLayer) -> None:
        """Refuse values for a callback that is not among those chosen."""
        for group in (group for group, definition in GROUPS.items() if definition.several):
            for choice in level.values.get(group) or {}:
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

    def _resolve(self, name: str, merged: "Merged", settings: dict[str, Any]) -> Resolved:
        """Order the sections, clear what is unused, add digests and the identity."""
        values = merged.values
        ordered: dict[str, Any] = {
            "name": name,
            "description": values["description"],
            "label": "",
            "seed": values["seed"],
            "batch_size": values["batch_size"],
            "ensemble": values["ensemble"],
            "reads": values["reads"],
            "read_files": self._digests(values["reads"], name),
        }
        # As the settings hold them, so that 1 and 1.0 are one value and the order is theirs.
        for section in (*GROUPS, *SECTIONS):
            if section in GROUPS and GROUPS[section].several:
                ordered[section] = {
                    choice: settings[f"{section}.{choice}"].model_dump()
                    for choice in sorted(values[section])
                }
            elif values[section] is None:
                ordered[section] = None
            else:
                choice = {"choice": values[section]["choice"]} if section in GROUPS else {}
                ordered[section] = choice | settings[section].model_dump()
        kind = family_of(values["model"]["choice"])
        ordered["pretraining_base"] = None
        if kind.name != "language_model":
            ordered["finetuning"] = ordered["pretraining"] = None
        elif values["pretraining"] is not None:
            # What it goes on from: all of the model's settings that it reads.
            ordered["pretraining_base"] = {key: ordered["model"][key] for key in BASE_KEYS}
        if not kind.by_gradient:
            for unused in ("objective", "optimizer", "schedule", "adversarial", "batch_size"):
                ordered[unused] = None
            ordered["callbacks"] = {}
            ordered["trainer"] = {
                key: value if key == "threads" else None
                for key, value in ordered["trainer"].items()
            }
        ordered["label"] = _label(merged.users, ordered)
        for group in GROUPS.values():
            if group.files is not None:
                read = settings[group.name].files if ordered[group.name] is not None else []
                ordered[group.files] = self._digests(read, name)
        resolved = Resolved(ordered)
        closures = {name: self.code.closure(stage, resolved) for name, stage in STAGES.items()}
        self.code.keep(closures.values())
        ordered["code"] = {name: closure.digest for name, closure in closures.items()}
        ordered["packages"] = {
            stage: versions_of(closures[stage].packages, self.root / LOCK)
            for stage, entry in STAGES.items()
            if entry.computes
        }
        check_installed(name, {each for of in ordered["packages"].values() for each in of})
        ordered["identity"] = resolved.named_identity
        return resolved


def write_resolved(
    folder: Path, experiments: Mapping[str, Resolved | ConfigurationError]
) -> list[str]:
    """Write ``resolved/``: one file an experiment; files of delisted ones go.

    Called when everything has been composed, so that a failure leaves the folder as it was.

    :param experiments: in place of one that cannot be composed, what is wrong with it: its stages
        then fail with these words.
    :returns: a line for each file written or removed.
    """
    folder.mkdir(exist_ok=True)
    changes = []
    for name, found in experiments.items():
        text = found.text() if isinstance(found, Resolved) else text_of_fault(name, str(found))
        path = folder / f"{name}.yaml"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changes.append(f"{'changed' if path.exists() else 'new'}: {name}")
            write_text(path, text)
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in experiments:
            path.unlink()
            changes.append(f"removed: {path.stem}")
    return changes


@dataclass(frozen=True)
class Merged:
    """The values of an experiment and their levels."""

    values: dict[str, Any]
    levels: tuple[ConfigLayer, ...]
    """What set them, lowest precedence first: the defaults, the chosen files of the menu, the
    experiment files, the debug preset, params.yaml, the command line; without values that a
    replaced choice took along."""
    users: tuple[ConfigLayer, ...]
    """Those among ``levels`` that the user set beside the files: params.yaml and the command line,
    whole."""

    def origin(self, key: str) -> str:
        """The level that set ``key``, for error messages; empty for the menu's own files."""
        for level in reversed((*self.levels, *self.users)):
            if level.origin.startswith("conf/") and "/experiment/" not in level.origin:
                continue
            if any(_within(key, set_key) for set_key, _ in level.deviations()):
                return f" ({level.origin})"
        return ""


def _effective_layers(
    levels: list[ConfigLayer], defaults: dict[str, Any], chosen: dict[str, Any]
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


def _overlay(values: dict[str, Any], above: dict[str, Any]) -> None:
    """Set ``above`` on top of ``values``: mappings key by key, everything else whole."""
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _overlay(values[key], value)
        else:
            values[key] = deepcopy(value)


def _interpolated(name: str, values: dict[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    """The values of an experiment with each ``${other.key}`` replaced by the value there.

    :param chosen: by group.
    :raises ConfigurationError: for a key that is not there, or a value left as ``???``.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        config = OmegaConf.create(values)
        plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = f"{error.full_key}: " if error.full_key else ""
        said = str(error).splitlines()[0]
        if missing := re.search(r"Interpolation key '([\w.]+)'", said):
            new = key_today(missing[1], chosen.get(missing[1].partition(".")[0]))
            said += f"; it is now {new}" if new != missing[1] else ""
        raise ConfigurationError(f"{name}: {key}{said}") from None
    return dict(plain)


def _within(key: str, set_key: str) -> bool:
    return bool(key) and (key == set_key or set_key.startswith(f"{key}."))


def _names(choice: Any) -> list[str]:
    if choice is None:
        return []
    return [str(item) for item in choice] if isinstance(choice, list) else [str(choice)]


def _label(users: tuple[ConfigLayer, ...], ordered: dict[str, Any]) -> str:
    """What the user set beside the experiment file: ``model=mlp lr=0.1``, in the order of the
    resolved file; longer keys where two would read alike. What has no effect is left out.
    """
    given = {key: value for level in users for key, value in level.deviations()}
    if given.get("debug") is not None and ordered["optimizer"] is not None:
        final = {"debug": given["debug"]}
    else:
        final = {}
    final |= {key.removesuffix(".choice"): value for key, value in flat(ordered)}
    # The root's own values, which stand first in the file, read better last.
    final |= {key: final.pop(key) for key in ("seed", "batch_size", "ensemble")}
    for group in (group for group, definition in GROUPS.items() if definition.several):
        final = {group: sorted(ordered[group]) or None} | final
    deviations = {
        key: value
        for key, value in final.items()
        if key in given
        and value not in (None, {}, [])
        and (key in ("debug", "reads") or identifies(key))
    }
    names = shortened(deviations)
    words = []
    for key, value in deviations.items():
        text = "[" + ",".join(map(str, value)) + "]" if isinstance(value, list) else as_yaml(value)
        words.append(f"{names[key]}={text}")
    return " ".join(words)


def shortened(keys: Iterable[str]) -> dict[str, str]:
    """Dotted keys by their last part, where that tells them apart; ``seed`` alone is training's."""
    known = list(keys)
    lasts = Counter(key.rpartition(".")[2] for key in known)
    short = {key: key.rpartition(".")[2] for key in known}
    return {
        key: last if lasts[last] == 1 and last != "seed" else key for key, last in short.items()
    }
