"""Composition: ``conf/``, ``params.yaml`` and the command line into one resolved experiment.

Precedence: defaults < ``conf/experiment/NAME`` < ``params.yaml`` < command line. A choice that a
higher level replaces takes the values set for the old choice with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from plait.artifacts import write_text
from plait.config.check import Root, check, choice_at
from plait.config.closure import Code
from plait.config.extras import check_installed
from plait.config.files import digest_of
from plait.config.label import label_of
from plait.config.levels import (
    check_name,
    level_of_overrides,
    level_of_params,
    read_params,
    root_level,
)
from plait.config.menu import Menu, Merged
from plait.config.packages import versions_of
from plait.config.registry import SECTIONS, family_of
from plait.config.resolved import Resolved, text_of_fault
from plait.contents import Contents
from plait.errors import ConfigurationError
from plait.json_types import Values, mapping_at
from plait.pipeline.stages import GROUPS, STAGES
from plait.settings import Settings, WithFiles
from plait.state import State
from plait.workspace import CONF, LOCK, PARAMS, SRC, Workspace

BASE_KEYS = ("origin", "name", "revision", "digest")
"""The settings of a language model that say which one it is."""


@dataclass(frozen=True)
class Project:
    """A checkout as composition sees it."""

    root: Path

    @property
    def conf(self) -> Path:
        """The menu of choices."""
        return self.root / CONF

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
        return Code(self.root / SRC, self.state)

    @cached_property
    def menu(self) -> Menu:
        """The choices that there are."""
        return Menu(self.conf)

    @cached_property
    def listed(self) -> dict[str, Values]:
        """What ``params.yaml`` lists, by experiment."""
        return read_params(self.root / PARAMS)

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
        params: Values | None = None,
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
        params: Values | None = None,
    ) -> Merged:
        """The values of an experiment, unchecked, and where they come from."""
        check_name(name, PARAMS if name in self.listed else "command line")
        return self.menu.merge(
            name,
            level_of_params(self.listed.get(name, {}) if params is None else params),
            level_of_overrides(overrides or []),
        )

    def _digests(self, files: Iterable[str], name: str) -> Values:
        """The digests of the user's files that an experiment reads, by path."""
        return {path: digest_of(self.contents, self.root, path, name) for path in files}

    def _resolve(self, name: str, merged: Merged, settings: dict[str, Settings]) -> Resolved:
        """Order the sections, clear what is unused, add digests and the identity."""
        values, root = merged.values, settings[""]
        assert isinstance(root, Root)
        ordered: Values = {
            "name": name,
            "description": values["description"],
            "label": "",
            "seed": values["seed"],
            "batch_size": values["batch_size"],
            "ensemble": values["ensemble"],
            "reads": values["reads"],
            "read_files": self._digests(root.reads, name),
        }
        # As the settings hold them, so that 1 and 1.0 are one value and the order is theirs.
        for section in (*GROUPS, *SECTIONS):
            if section in GROUPS and GROUPS[section].several:
                ordered[section] = {
                    choice: settings[f"{section}.{choice}"].model_dump()
                    for choice in sorted(mapping_at(values, section))
                }
            elif values[section] is None:
                ordered[section] = None
            else:
                choice = {"choice": choice_at(values, section)} if section in GROUPS else {}
                ordered[section] = choice | settings[section].model_dump()
        kind = family_of(choice_at(values, "model"))
        ordered["pretraining_base"] = None
        if kind.name != "language_model":
            ordered["finetuning"] = ordered["pretraining"] = None
        elif values["pretraining"] is not None:
            # What it goes on from: all of the model's settings that it reads.
            model = mapping_at(ordered, "model")
            ordered["pretraining_base"] = {key: model[key] for key in BASE_KEYS}
        if not kind.by_gradient:
            for unused in ("objective", "optimizer", "schedule", "adversarial", "batch_size"):
                ordered[unused] = None
            ordered["callbacks"] = {}
            ordered["trainer"] = {
                key: value if key in (*kind.trainer, "member_workers") else None
                for key, value in mapping_at(ordered, "trainer").items()
            }
        ordered["label"] = label_of(merged.users, ordered)
        for group in GROUPS.values():
            if group.files is not None:
                used = settings[group.name] if ordered[group.name] is not None else None
                ordered[group.files] = self._digests(_files_named(used), name)
        resolved = Resolved(ordered)
        closures = {name: self.code.closure(stage, resolved) for name, stage in STAGES.items()}
        self.code.keep(closures.values())
        ordered["code"] = {name: closure.digest for name, closure in closures.items()}
        packages = {
            stage: versions_of(closures[stage].packages, self.root / LOCK)
            for stage, entry in STAGES.items()
            if entry.computes
        }
        ordered["packages"] = {stage: {**versions} for stage, versions in packages.items()}
        check_installed(name, {each for of in packages.values() for each in of})
        ordered["identity"] = resolved.named_identity
        return resolved


def _files_named(settings: Settings | None) -> tuple[str, ...]:
    """The user's files that the choice of a group reads; none where nothing is chosen."""
    assert settings is None or isinstance(settings, WithFiles)
    return () if settings is None else settings.files


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
