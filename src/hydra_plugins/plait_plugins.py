"""Where Hydra finds plait's launchers and its search: it takes plugins from this package alone."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NotRequired, TypedDict, Unpack

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from plait.json_types import Plain, Values
from plait.sweeps.menu import ENGINES, PRUNERS, SEARCH, search_module

if TYPE_CHECKING:
    from plait.settings import Settings
    from plait.sweeps.composition import ExperimentLoader
    from plait.sweeps.summary import Row
    from plait.sweeps.sweep import Sweep
    from plait.sweeps.trial import Trial

    class Launching(TypedDict):
        """What `Sweep.launch` is told beside the trials."""

        varying: tuple[str, ...]
        total: NotRequired[int | None]
        done: NotRequired[Callable[[Trial, Row], None]]


class TrialLauncher(Launcher):
    """Hands the trials of a multirun to `plait.sweeps.sweep.Sweep`, which is Hydra's task.

    :param engine: a module of `plait.sweeps.engines`.
    :param settings: what it takes.
    """

    def __init__(self, engine: str, **settings: Plain) -> None:
        self._engine, self._given = engine, settings
        # Set up by Hydra before anything is launched.
        self._settings: Settings
        self._loader: ExperimentLoader
        self.sweep: Sweep

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Called by Hydra before the first launch.

        :raises ConfigurationError: for settings or a section ``sweep`` that mean nothing.
        """
        from plait.sweeps.composition import ExperimentLoader
        from plait.sweeps.engines import settings_of
        from plait.sweeps.sweep import Sweep

        self._settings = settings_of(self._engine, self._given)
        loader = hydra_context.config_loader
        assert isinstance(loader, ExperimentLoader)
        assert isinstance(task_function, Sweep)
        self._loader, self.sweep = loader, task_function
        self.sweep.begin(config)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the trials; Hydra's return value is what they are worth, None of a failed one."""
        from plait.sweeps.section import varying_in

        trials = [self.trial(overrides) for overrides in job_overrides]
        self.sweep.check_metric(trials)
        varying = varying_in(trial.overrides for trial in trials)
        self.run(trials, varying=varying, total=len(trials))
        returns = []
        for trial, overrides in zip(trials, job_overrides, strict=True):
            job = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
            job.return_value = self.sweep.value(trial.resolved)
            returns.append(job)
        return returns

    def trial(self, overrides: Sequence[str]) -> "Trial":
        """What the overrides of a trial come to; it is told by those that have an effect.

        :raises ConfigurationError: with everything that is wrong with it.
        """
        from plait.sweeps.trial import Trial

        resolved, effect = self._loader.resolve(overrides), self._loader.effect(overrides)
        self.sweep.note(resolved, effect)
        return Trial(resolved, effect.overrides)

    def run(
        self, trials: "list[Trial] | Iterator[Trial | Row]", **how: "Unpack[Launching]"
    ) -> None:
        """Run trials as they come: see `plait.sweeps.sweep.Sweep.launch`."""
        self.sweep.launch(trials, self._engine, self._settings, **how)


class SearchSweeper(Sweeper):
    """Lets Optuna draw the trials: see `plait.sweeps.search`.

    :param params: values to search over, by key; those of the command line replace them.
    :param pruner: what ``hydra/sweeper/pruner`` chose.
    :param settings: those of `plait.sweeps.search.SearchSettings`.
    """

    def __init__(
        self, params: dict[str, str] | None, pruner: Values | None, **settings: Plain
    ) -> None:
        self._params, self._pruner, self._given = params or {}, pruner, settings
        # Set up by Hydra before it asks for a sweep; under this name its own classes look for it.
        self.launcher: TrialLauncher
        self._settings: Settings
        self._parser: OverridesParser

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Called by Hydra before `sweep`.

        :raises UserError: without Optuna, or for settings that mean nothing.
        """
        self._settings = search_module().check_search(self._given, self._pruner, config.sweep)
        self._parser = OverridesParser.create(hydra_context.config_loader)
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        assert isinstance(launcher, TrialLauncher)
        self.launcher = launcher

    def sweep(self, arguments: list[str]) -> None:
        """Run what is left of the search."""
        texts = [*(f"{key}={value}" for key, value in self._params.items()), *arguments]
        overrides = self._parser.parse_overrides(texts)
        launcher = self.launcher
        Search = search_module().Search
        search = Search(launcher.sweep, self._settings, self._pruner, overrides, launcher.trial)
        search.run(launcher.run)


def _store(group: str, name: str, node: Values) -> None:
    ConfigStore.instance().store(name, node, group=group, provider="plait")


for name, settings in ENGINES.items():
    target = f"{__name__}.{TrialLauncher.__name__}"
    node = {"_target_": target, "_convert_": "all", "engine": name, **settings}
    _store("hydra/launcher", name, node)
for name, settings in PRUNERS.items():
    _store("hydra/sweeper/pruner", name, {"name": name, **settings})
target = f"{__name__}.{SearchSweeper.__name__}"
_store("hydra/sweeper", "optuna", {"_target_": target, "_convert_": "all", **SEARCH})
