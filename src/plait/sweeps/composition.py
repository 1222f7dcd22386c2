"""Hydra's configuration loader with plait's composition of experiments.

Hydra composes its own node and the section ``sweep`` from ``conf/launch.yaml``; the experiment's
values come from `plait.config.compose`, so that ``plait run`` and ``dvc repro`` mean the same by
the same words.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.defaults_list import DefaultsList
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from plait.config.compose import Project
from plait.config.effect import Effect, effect_of
from plait.config.registry import choices
from plait.config.resolved import Resolved
from plait.errors import ConfigurationError
from plait.json_types import Json
from plait.pipeline.stages import GROUPS
from plait.workspace import Workspace

PRIMARY = "launch"
"""The file in ``conf/`` that Hydra starts from."""

PLACES = ("hydra.run", "hydra.run.dir", "hydra.sweep", "hydra.sweep.dir", "hydra.sweep.subdir")
"""Keys of Hydra that say where results go, which `plait.workspace` does here."""


class ExperimentLoader(ConfigLoaderImpl):
    """Composes one experiment for Hydra, from its name and overrides.

    :param project: whose experiments.
    """

    def __init__(self, search_path: ConfigSearchPath, project: Project) -> None:
        super().__init__(search_path)
        self._project = project
        self._composed: dict[tuple[str, ...], Resolved] = {}

    def resolve(self, overrides: Iterable[str]) -> Resolved:
        """The experiment that overrides such as ``["experiment=market", "seed=1"]`` describe.

        :raises ConfigurationError: with everything that is wrong with it.
        """
        key = tuple(overrides)
        if key not in self._composed:
            chosen, rest = _experiment_of(key)
            if chosen is None:
                known = ", ".join(choices(self._project.conf, "experiment"))
                raise ConfigurationError(
                    f"command line: choose experiment=NAME; there are: {known}"
                )
            self._composed[key] = self._project.compose(chosen, rest)
        return self._composed[key]

    def effect(self, overrides: Iterable[str]) -> Effect:
        """Which of a trial's overrides have an effect.

        :raises ConfigurationError: as `resolve`.
        """
        return effect_of(self._project, overrides, self.resolve)

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Hydra's node beside the experiment's resolved values; in a multirun without these."""
        hydras, ours = _split(overrides)
        workspace = Workspace.at(self._project.root)
        _refuse_places(hydras, workspace)
        config = super().load_configuration(
            config_name, hydras, run_mode, from_shell, validate_sweep_overrides
        )
        with open_dict(config):
            config.hydra.overrides.task = ours
            config.hydra.sweep.dir = str(workspace.multirun)
            if run_mode == RunMode.MULTIRUN:
                # Given again on the command line, a sweep file's own values are replaced.
                for override in _parsed(ours):
                    (config.hydra.sweeper.get("params") or {}).pop(override.get_key_element(), None)
                return config
            del config["sweep"]
            # What all trials of a sweep file have in common.
            shared = _single_values(config.hydra.sweeper.get("params") or {})
            resolved = self.resolve([*shared, *ours])
            config.hydra.run.dir = str(workspace.trial(resolved.name, resolved.identity))
            _put(config, resolved)
        return config

    def compute_defaults_list(
        self, config_name: str | None, overrides: list[str], run_mode: RunMode
    ) -> DefaultsList:
        """For ``--info``: the files of ``conf/launch.yaml``, then those of the experiment."""
        hydras, ours = _split(overrides)
        listed = super().compute_defaults_list(config_name, hydras, run_mode)
        resolved = self.resolve(ours)
        made = [
            f"{group}=[{','.join(resolved.section(group))}]"
            if definition.several
            else f"{group}={resolved.choice(group)}"
            for group, definition in GROUPS.items()
            if resolved[group]
        ]
        made.append(f"experiment={resolved.name}")
        made_of = super().compute_defaults_list("config", made, run_mode)
        listed.defaults += [
            default
            for default in made_of.defaults
            if not str(default.config_path).startswith("hydra")
        ]
        listed.defaults_tree = made_of.defaults_tree
        return listed

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: list[str]
    ) -> DictConfig:
        """The configuration of one trial."""
        config = OmegaConf.create({"hydra": deepcopy(master_config.hydra)})
        config.hydra.overrides.task = list(sweep_overrides)
        _put(config, self.resolve(sweep_overrides))
        return config


def _refuse_places(overrides: Iterable[str], workspace: Workspace) -> None:
    where = workspace.trial("EXPERIMENT", "IDENTITY").relative_to(workspace.root)
    for override in _parsed(overrides):
        if override.key_or_group in PLACES:
            raise ConfigurationError(
                f"command line: {override.key_or_group}: results always lie in {where};"
                " leave it out"
            )


def _single_values(params: Mapping[str, Json]) -> list[str]:
    """The values of a sweep file that are single ones and no sweep, as overrides."""
    texts = [f"{key}={value}" for key, value in params.items()]
    parsed = zip(texts, _parsed(texts), strict=True)
    return [text for text, override in parsed if not override.is_sweep_override()]


def _put(config: DictConfig, resolved: Resolved) -> None:
    for key, value in resolved.values.items():
        config[key] = deepcopy(value)


def _split(overrides: list[str]) -> tuple[list[str], list[str]]:
    """Hydra's own overrides and those of ``conf/launch.yaml``; and the experiment's."""
    hydras: list[str] = []
    ours: list[str] = []
    for text, override in zip(overrides, _parsed(overrides), strict=True):
        key = override.key_or_group
        own = override.is_hydra_override() or key == "sweep" or key.startswith("sweep.")
        (hydras if own else ours).append(text)
    return hydras, ours


def _experiment_of(overrides: tuple[str, ...]) -> tuple[str | None, list[str]]:
    """The experiment that is chosen, and the other overrides."""
    chosen: str | None = None
    rest = []
    for text, override in zip(overrides, _parsed(overrides), strict=True):
        if override.key_or_group != "experiment":
            rest.append(text)
        elif override.is_sweep_override():
            raise ConfigurationError(f"command line: {text}: add -m to run several experiments")
        else:
            chosen = str(override.value())
    return chosen, rest


def _parsed(overrides: Iterable[str]) -> list[Override]:
    parser = OverridesParser.create()
    parsed = []
    for text in overrides:
        try:
            parsed.append(parser.parse_override(text))
        except HydraException as error:
            raise ConfigurationError(
                f"command line: {text!r} is no override such as optimizer.lr=0.1"
                f" ({str(error).splitlines()[0]})"
            ) from None
    return parsed
