"""Composition: ``conf/``, ``params.yaml`` and the command line into one resolved experiment.

Precedence: defaults < ``conf/experiment/NAME`` < ``params.yaml`` < command line. A choice that a
higher level replaces takes the values set for the old choice with it.
"""

import difflib
import hashlib
import json
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from plait.artifacts import write_text
from plait.config.check import check, unknown_choice
from plait.config.closure import Code
from plait.config.fields import nested
from plait.config.files import digest_of
from plait.config.levels import (
    FILE_GROUPS,
    Level,
    check_name,
    experiment_levels,
    level_of_overrides,
    level_of_params,
    read_params,
    read_yaml,
)
from plait.config.packages import versions_of
from plait.config.pairs import GROUPS, SECTIONS, choices, kind_of, settings_of
from plait.config.resolved import PLACEMENT, READS, STAGES, Resolved, digests_read
from plait.errors import ConfigurationError
from plait.settings import Settings

LOCK = "requirements.lock"

OPTIONAL = ("objective", "callbacks", "debug")
"""Groups from which nothing need be chosen."""

DEFAULT_OBJECTIVES = {"regression": "squared_error", "classification": "cross_entropy"}
"""What a model trained by gradients minimises where no objective is chosen."""


@dataclass(frozen=True)
class Project:
    """A checkout as composition sees it."""

    root: Path

    @property
    def conf(self) -> Path:
        """The menu of choices."""
        return self.root / "conf"

    @cached_property
    def code(self) -> Code:
        """The first-party code."""
        return Code(self.root / "src")

    @cached_property
    def _composed(self) -> dict[tuple[str, ...], tuple[dict[str, Any], dict[str, Any]]]:
        return {}

    @cached_property
    def listed(self) -> dict[str, dict[str, Any]]:
        """What ``params.yaml`` lists, by experiment."""
        return read_params(self.root / "params.yaml")

    def compose_all(self) -> dict[str, Resolved]:
        """Every listed experiment."""
        return {name: self.compose(name) for name in self.listed}

    def compose(self, name: str, overrides: list[str] | None = None) -> Resolved:
        """One experiment, listed or not.

        :param overrides: of the command line, in Hydra's grammar.
        :raises ConfigurationError: with everything that is wrong, in at most four lines.
        """
        levels = [
            level_of_params(self.listed.get(name, {})),
            level_of_overrides(overrides or []),
        ]
        values = self.values(name, levels)
        settings = check(name, values, _Origin(self, name, levels))
        return self._resolve(name, values, settings, levels)

    def values(self, name: str, levels: list[Level]) -> dict[str, Any]:
        """The merged values of an experiment, unchecked."""
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        self._check_experiment(name)
        for level in [*experiment_levels(self.conf, name), *levels]:
            self._check_choices(name, level)
        _, base_choices = self._hydra([f"experiment={name}"])
        picked = {group: choice for level in levels for group, choice in level.choices.items()}
        chosen = [_override(group, choice) for group, choice in picked.items() if choice]
        config, _ = self._hydra([f"experiment={name}", *chosen])
        for group, choice in picked.items():
            # Values that the experiment file sets for the choice that was replaced go with it.
            if group in GROUPS and _names(base_choices.get(group)) != _names(choice):
                config[group] = self._files(group, _names(choice))
        self._check_callbacks(name, config, levels)
        merged: Any = OmegaConf.create(config)
        in_effect = dict(base_choices)
        for level in levels:
            in_effect |= level.choices
            kept = {
                key: value
                for key, value in level.values.items()
                if key not in picked or _names(in_effect.get(key)) == _names(picked[key])
            }
            merged = OmegaConf.merge(merged, OmegaConf.create(kept))
        try:
            values: Any = OmegaConf.to_container(merged, resolve=True)
        except OmegaConfBaseException as error:
            raise ConfigurationError(f"{name}: {str(error).splitlines()[0]}") from None
        for group, definition in GROUPS.items():
            choice = picked.get(group, base_choices.get(group))
            if definition.several:
                values[group] = values.get(group) or {}
                for chosen in values[group]:
                    self._check_choice(f"{name}: ", group, chosen)
            elif choice is not None:
                values[group] = {"choice": choice, **(values.get(group) or {})}
            elif group == "objective":
                values[group] = self._default_objective(values)
            else:
                values[group] = None
        values.pop("debug", None)
        values.pop("experiment", None)
        return dict(values)

    def _default_objective(self, values: dict[str, Any]) -> dict[str, Any] | None:
        """Of a model trained by gradients, what the task of its data asks for."""
        if kind_of(values["model"]["choice"]).fitted_by != "gradient":
            return None
        data = dict(values["data"])
        try:
            settings: Any = settings_of("data", data.pop("choice"))(**data)
        except ValidationError:
            return None  # which `check` will say
        choice = DEFAULT_OBJECTIVES[settings.task]
        given = values.get("objective") or {}
        return {"choice": choice, **self._files("objective", [choice]), **given}

    def _hydra(self, overrides: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What Hydra composes, and its choices by group; each composition is made once."""
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = self._compose(overrides)
        plain, chosen = self._composed[key]
        return deepcopy(plain), dict(chosen)

    def _compose(self, overrides: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        import yaml
        from hydra import compose, initialize_config_dir
        from hydra.core.global_hydra import GlobalHydra
        from hydra.errors import HydraException
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        GlobalHydra.instance().clear()
        try:
            with initialize_config_dir(str(self.conf.resolve()), version_base="1.3"):
                config = compose("config", overrides, return_hydra_config=True)
        except yaml.YAMLError as error:
            # Hydra does not say which file: read the menu again, which does.
            for path in sorted(self.conf.rglob("*.yaml")):
                if path.stat().st_size:
                    read_yaml(path)
            raise ConfigurationError(f"conf/: malformed YAML: {error}") from None
        except (HydraException, OmegaConfBaseException) as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise ConfigurationError(
                "\n       ".join(["conf/: " + lines[0], *lines[1:3]])
            ) from None
        chosen: Any = OmegaConf.to_container(config.hydra.runtime.choices)
        plain: Any = OmegaConf.to_container(config, resolve=False)
        del plain["hydra"]
        for group, definition in GROUPS.items():
            if definition.several:
                chosen[group] = list(plain.get(group) or {})
        return plain, chosen

    def _files(self, group: str, names: list[str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in names:
            values |= read_yaml(self.conf / group / f"{name}.yaml")
        return values

    def _check_experiment(self, name: str) -> None:
        check_name(name, "params.yaml" if name in self.listed else "command line")
        if not (self.conf / "experiment" / f"{name}.yaml").is_file():
            known = choices(self.conf, "experiment")
            raise ConfigurationError(
                f"{unknown_choice('experiment', name, known)}\n       define it in"
                f" conf/experiment/{name}.yaml"
            )

    def _check_choices(self, name: str, level: Level) -> None:
        for group, chosen in level.choices.items():
            if group not in FILE_GROUPS:
                near = difflib.get_close_matches(group, FILE_GROUPS, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigurationError(f"{level.origin}: no such group: {group}{hint}")
            if chosen is None and group not in OPTIONAL:
                known = ", ".join(choices(self.conf, group))
                raise ConfigurationError(f"{name}: {group}: is null; choose one of {known}")
            if isinstance(chosen, list) and not (group in GROUPS and GROUPS[group].several):
                raise ConfigurationError(f"{name}: {group}: {chosen!r} is a list; choose one")
            for choice in _names(chosen):
                self._check_choice(f"{name}: ", group, choice, f" ({level.origin})")

    def _check_callbacks(self, name: str, config: dict[str, Any], levels: list[Level]) -> None:
        """Refuse values for a callback that is not among those chosen."""
        for group in (group for group, definition in GROUPS.items() if definition.several):
            for level in levels:
                for choice in level.values.get(group, {}):
                    if choice not in (config.get(group) or {}):
                        self._check_choice(f"{name}: ", group, choice, f" ({level.origin})")
                        raise ConfigurationError(
                            f"{name}: {group}.{choice}: has values but is not chosen; add"
                            f" `choice: [{choice}]` ({level.origin})"
                        )

    def _check_choice(self, prefix: str, group: str, choice: str, suffix: str = "") -> None:
        known = choices(self.conf, group)
        if choice not in known:
            raise ConfigurationError(f"{prefix}{unknown_choice(group, choice, known)}{suffix}")

    def _resolve(
        self,
        name: str,
        values: dict[str, Any],
        settings: dict[str, Any],
        levels: list[Level],
    ) -> Resolved:
        """Order the sections, clear what is unused, add digests and the identity."""
        ordered: dict[str, Any] = {
            "name": name,
            "description": values["description"],
            "label": _label(levels),
            "seed": values["seed"],
            "batch_size": values["batch_size"],
        }
        for section in (*GROUPS, *SECTIONS):
            if section in GROUPS and GROUPS[section].several:
                ordered[section] = {
                    name: _in_order(inner, type(settings[f"{section}.{name}"]))
                    for name, inner in sorted(values[section].items())
                }
            else:
                ordered[section] = _in_order(values[section], type(settings.get(section)))
        if settings["model"].fitted_by != "gradient":
            for unused in ("objective", "optimizer", "schedule", "batch_size"):
                ordered[unused] = None
            ordered["callbacks"] = {}
            ordered["trainer"] = {
                key: value if key == "threads" else None
                for key, value in ordered["trainer"].items()
            }
        ordered["files"] = {
            relative: digest_of(self.root, relative) for relative in settings["data"].files
        }
        resolved = Resolved(ordered)
        closures = {stage: self.code.closure(stage, resolved) for stage in STAGES}
        ordered["code"] = {stage: closure.digest for stage, closure in closures.items()}
        ordered["packages"] = {
            stage: versions_of(closure.packages, self.root / LOCK)
            for stage, closure in closures.items()
            if f"packages.{stage}" in digests_read(stage)
        }
        ordered["identity"] = identity_of(resolved)
        return resolved


def identity_of(resolved: Resolved) -> str:
    """One digest of everything that the numbers of a training depend on, before anything has run:
    the values, code, user files and packages that `generate` and `train` read.
    """
    read = {
        stage: {key: resolved[key] for key in READS[stage]}
        | {"code": resolved["code"][stage], "packages": resolved["packages"][stage]}
        for stage in ("generate", "train")
    }
    text = json.dumps(read, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def write_resolved(folder: Path, experiments: dict[str, Resolved]) -> list[str]:
    """Write ``resolved/``: one file an experiment; files of delisted ones go.

    Called when everything has been composed, so that a failure leaves the folder as it was.

    :returns: a line for each file written or removed.
    """
    folder.mkdir(exist_ok=True)
    changes = []
    for name, resolved in experiments.items():
        path, text = folder / f"{name}.yaml", resolved.text()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changes.append(f"{'changed' if path.exists() else 'new'}: {name}")
            write_text(path, text)
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in experiments:
            path.unlink()
            changes.append(f"removed: {path.stem}")
    return changes


class _Origin:
    """Names the level or the file that set a key, for error messages."""

    def __init__(self, project: Project, name: str, levels: list[Level]) -> None:
        self._project, self._name, self._levels = project, name, levels

    def __call__(self, key: str) -> str:
        files = experiment_levels(self._project.conf, self._name)
        for level in reversed([*files, *self._levels]):
            if any(_within(key, set_key) for set_key, _ in level.deviations()):
                return f" ({level.origin})"
        return ""


def _within(key: str, set_key: str) -> bool:
    return bool(key) and (key == set_key or set_key.startswith(f"{key}."))


def _names(choice: Any) -> list[str]:
    if choice is None:
        return []
    return [str(item) for item in choice] if isinstance(choice, list) else [str(choice)]


def _override(group: str, choice: Any) -> str:
    """As Hydra's grammar has it; quoted, or a choice called ``nan`` would be a number."""
    names = ",".join(f"'{name}'" for name in _names(choice))
    return f"{group}=[{names}]" if isinstance(choice, list) else f"{group}={names}"


def _label(levels: list[Level]) -> str:
    """What the user set beside the experiment file: ``lr=0.1 model=mlp``; longer keys where two
    would read alike.
    """
    hidden = ("tracking", "evaluation", "description", *PLACEMENT)
    deviations = {
        key: value
        for level in levels
        for key, value in level.deviations()
        if not key.startswith(hidden)
    }
    shorts = [key.rpartition(".")[2] for key in deviations]
    words = []
    for (key, value), short in zip(deviations.items(), shorts, strict=True):
        text = "[" + ",".join(map(str, value)) + "]" if isinstance(value, list) else str(value)
        words.append(f"{short if shorts.count(short) == 1 else key}={text}")
    return " ".join(words)


def _in_order(value: Any, cls: Any) -> Any:
    """A section with its keys in the order of its settings class, however the files wrote them."""
    if not isinstance(value, dict) or not (cls and issubclass(cls, Settings)):
        return value
    ordered = {"choice": value["choice"]} if "choice" in value else {}
    for key, field in cls.model_fields.items():
        ordered[key] = _in_order(value[key], nested(field))
    return ordered
