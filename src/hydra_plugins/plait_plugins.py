"""Where Hydra finds plait's launchers. Hydra takes plugins from this namespace package alone.

Their settings stand here, where Hydra looks for them, and not in ``conf/``: a file
``conf/hydra/launcher/basic.yaml`` would be checked against Hydra's own launcher of that name.
"""

from collections.abc import Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

ENGINES: dict[str, dict[str, Any]] = {
    # One worker process, one trial after the other; a worker that a trial kills is replaced.
    "basic": {},
    # Several worker processes on this machine.
    "joblib": {
        "jobs": None,  # at once; null: one a GPU, or one a CPU core
    },
}
"""By name in ``hydra/launcher``: the settings of a module of `plait.sweeps.engines`."""


class TrialLauncher(Launcher):
    """Hands the trials of a multirun to `plait.sweeps.sweep.Sweep`, which is Hydra's task.

    :param engine: a module of `plait.sweeps.engines`.
    :param settings: what it takes.
    """

    def __init__(self, engine: str, **settings: Any) -> None:
        self.engine, self.settings = engine, settings
        self._sweep: Any = None
        self._loader: Any = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Called by Hydra before the first launch."""
        self._sweep, self._loader = task_function, hydra_context.config_loader
        self._sweep.begin(config)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the trials; Hydra's return value is what they are worth, None of a failed one."""
        composed = [(tuple(texts), self._loader.resolve(texts)) for texts in job_overrides]
        self._sweep.launch(composed, self.engine, self.settings)
        returns = []
        for texts, resolved in composed:
            job = JobReturn(overrides=texts, status=JobStatus.COMPLETED)
            job.return_value = self._sweep.value(resolved)
            returns.append(job)
        return returns


for name, settings in ENGINES.items():
    target = f"{__name__}.{TrialLauncher.__name__}"
    node = {"_target_": target, "engine": name, **settings}
    ConfigStore.instance().store(name, node, group="hydra/launcher", provider="plait")
