"""A search's judgement over a training that runs."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from plait.config.check import checked
from plait.errors import ConfigurationError, Pruned, UserError
from plait.json_types import Values
from plait.settings import Settings, setting
from plait.sweeps.metric import EVERY_EPOCH
from plait.tracking.store.retry import while_others_make_it

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.storages import BaseStorage

    from plait.training.job import Observe


class PrunerSettings(Settings):
    """The base of what ``hydra/sweeper/pruner`` chooses from."""

    @abstractmethod
    def build(self) -> "BasePruner":
        """Optuna's pruner."""


class Median(PrunerSettings):
    """Prunes a trial whose best so far is worse than the median of the others at that epoch."""

    startup_trials: int = setting("trials that finish before any is pruned", unit="trials", ge=0)
    warmup_epochs: int = setting("first epochs, in which no trial is pruned", unit="epochs", ge=0)

    def build(self) -> "BasePruner":
        """Optuna's pruner."""
        from optuna.pruners import MedianPruner

        return MedianPruner(self.startup_trials, self.warmup_epochs)


class SuccessiveHalving(PrunerSettings):
    """Lets one in so many trials past each of the epochs n, n·factor, n·factor², …

    Li et al. (2018), https://arxiv.org/abs/1810.05934.
    """

    min_epochs: int = setting("first epochs, n, in which no trial is pruned", unit="epochs", ge=1)
    reduction_factor: int = setting("number of trials of which one goes on", ge=2)

    def build(self) -> "BasePruner":
        """Optuna's pruner."""
        from optuna.pruners import SuccessiveHalvingPruner

        return SuccessiveHalvingPruner(self.min_epochs, self.reduction_factor)


class Hyperband(PrunerSettings):
    """Successive halving in several brackets, from rash to patient.

    Li et al. (2018), https://www.jmlr.org/papers/volume18/16-558/16-558.pdf.
    """

    min_epochs: int = setting("first epochs, in which no trial is pruned", unit="epochs", ge=1)
    max_epochs: int | None = setting(
        "epochs of the longest training; null: of the first that finishes", unit="epochs", ge=1
    )
    reduction_factor: int = setting("number of trials of which one goes on", ge=2)

    def build(self) -> "BasePruner":
        """Optuna's pruner."""
        from optuna.pruners import HyperbandPruner

        return HyperbandPruner(self.min_epochs, self.max_epochs or "auto", self.reduction_factor)


PRUNERS: dict[str, type[PrunerSettings]] = {
    "median": Median,
    "successive_halving": SuccessiveHalving,
    "hyperband": Hyperband,
}
"""The settings of each pruner, by its name in ``hydra/sweeper/pruner``."""


def pruner_of(given: Values | None) -> "BasePruner":
    """Optuna's pruner of a node ``hydra.sweeper.pruner``; one that prunes nothing for None.

    :raises ConfigurationError: for settings that mean nothing.
    """
    if given is None:
        from optuna.pruners import NopPruner

        return NopPruner()
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or name not in PRUNERS:
        raise ConfigurationError(
            f"hydra.sweeper.pruner: is {given!r}; choose by hydra/sweeper/pruner="
            f"{'|'.join(PRUNERS)}"
        )
    settings = {key: value for key, value in given.items() if key != "name"}
    return checked("hydra.sweeper.pruner.", PRUNERS[name], settings).build()


def open_storage(url: str) -> "BaseStorage":
    """Optuna's storage at an SQLAlchemy URL.

    :raises UserError: if it can't be opened.
    """
    import optuna
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Trials that report at the same moment wait for each other.
    patient = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}

    def makes_the_same_tables(error: BaseException) -> bool:
        return isinstance(error, IntegrityError) or (
            isinstance(error, SQLAlchemyError) and "already exists" in str(error)
        )

    try:
        return while_others_make_it(
            lambda: optuna.storages.RDBStorage(url, engine_kwargs=patient), makes_the_same_tables
        )
    except (SQLAlchemyError, ImportError) as error:
        said = str(error).partition("\n")[0]
        raise UserError(f"hydra.sweeper.storage: can't be opened: {said}") from None


def watcher(
    storage: str, study: str, number: int, metric: str | None, pruner: Values | None
) -> "Observe | None":
    """What tells a study of the epochs of one of its trials, and ends it when it is pruned.

    :param storage: the URL of the study's database.
    :param number: of the trial in the study.
    :param metric: a value of every epoch, such as ``val/loss``, which is what the search is for;
        None: it is for another, and prunes by the least `EVERY_EPOCH`.
    :param pruner: the node ``hydra.sweeper.pruner``; None: no trial is pruned, or watched.
    """
    if pruner is None:
        return None
    import optuna

    opened = open_storage(storage)
    # The sampler is not asked for anything here; this one does nothing when a trial is taken up.
    loaded = optuna.load_study(
        study_name=study,
        storage=opened,
        sampler=optuna.samplers.RandomSampler(),
        pruner=pruner_of(pruner),
    )
    study_id = opened.get_study_id_from_name(study)
    trial_id = opened.get_trial_id_from_study_id_trial_number(study_id, number)
    trial = optuna.trial.Trial(loaded, trial_id)
    followed = metric or EVERY_EPOCH
    # A study that wants the most of another metric is told a loss as the most of its negative.
    wants_most = loaded.direction == optuna.study.StudyDirection.MAXIMIZE
    sign = -1.0 if metric is None and wants_most else 1.0
    # A training that goes on from a checkpoint repeats some epochs.
    reported = set(opened.get_trial(trial_id).intermediate_values)

    def watch(epoch: int, values: dict[str, float]) -> None:
        if followed not in values:
            raise UserError(
                f"{followed} is what the search prunes by, but an epoch has only"
                f" {', '.join(sorted(values))}; choose one of them by sweep.metric"
            )
        if epoch not in reported:
            trial.report(sign * values[followed], epoch)
        if (not reported or epoch >= max(reported)) and trial.should_prune():
            raise Pruned(f"{followed} {values[followed]:.4g} at epoch {epoch}")

    return watch
