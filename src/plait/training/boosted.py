"""The fit of boosted trees, round by round."""

import math
from typing import TYPE_CHECKING

from plait.artifacts import significant
from plait.config.chosen import settings_in
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.models.boosted import BoostedModel, library_of
from plait.models.boosting import BoostedSettings, BoostingError, BoostingRows, Goal, loss_of
from plait.tasks.counts import refuse_no_counts
from plait.training.job import Arrays, Fitted, Observe, Training, TrainingJob
from plait.training.monotone import directions

if TYPE_CHECKING:
    import numpy as np

MEDIAN = 0.5


class Rounds:
    """Follows the losses, and knows the best round.

    :param patience: rounds without a lower loss of the validation part after which to stop; None:
        to go on to the end.
    """

    def __init__(self, name: str, observe: Observe, patience: int | None) -> None:
        self._name, self._observe, self._patience = name, observe, patience
        self.curves: list[dict[str, float]] = []
        self.best, self._lowest = 0, math.inf

    def __call__(self, train_loss: float, val_loss: float | None) -> bool:
        """Take a round's losses.

        :returns: whether to stop.
        :raises UserError: for a loss that is no number.
        """
        number = len(self.curves)
        losses = {"train/loss": train_loss} | ({} if val_loss is None else {"val/loss": val_loss})
        for key, loss in losses.items():
            if not math.isfinite(loss):
                raise UserError(
                    f"{self._name}: {key} is {loss} at round {number}: training diverged; a smaller"
                    " model.learning_rate helps"
                )
        values = {key: significant(loss) for key, loss in losses.items()}
        self.curves.append({"epoch": number, **values})
        self._observe(number, values)
        if val_loss is not None and val_loss < self._lowest:
            self.best, self._lowest = number, val_loss
        return self._patience is not None and number - self.best >= self._patience


def prepare(resolved: Resolved) -> str:
    """The device: the CPU, but for where a GPU is asked for.

    ``auto`` is the CPU also where there is a GPU, on which not every library gives the same numbers
    twice.
    """
    return "gpu" if resolved["trainer.accelerator"] == "gpu" else "cpu"


def fit(job: TrainingJob) -> Fitted:
    """Fit on the training part; the validation part is followed, and stops it early if asked.

    :raises UserError: for rows or settings that the library cannot take, in its own words, for
        directions of columns that have none, or for early stopping without a validation part.
    """
    import numpy as np

    resolved = job.resolved
    choice = resolved.choice("model")
    settings = settings_in(resolved, "model", BoostedSettings)
    library = library_of(choice)
    if settings.early_stopping_rounds is not None and job.val is None:
        raise UserError(
            f"{resolved.name}: model.early_stopping_rounds needs a validation part, and there is"
            " none; set data.split.val above 0, or this to null"
        )
    classes = () if job.shape.task.scalar else tuple(np.unique(job.train.targets).tolist())
    _check_targets(job, settings, classes)
    goal = Goal(
        loss_of(settings, len(classes)),
        MEDIAN if settings.quantile_level is None else settings.quantile_level,
        max(1, len(classes)),
        directions(job, settings, classes),
        resolved.integer("seed"),
        resolved.integer("trainer.threads"),
        prepare(resolved) == "gpu",
    )
    weigh = settings.class_weights == "balanced"
    weights = _balance(job.train.targets) if weigh else None
    train = _rows(job.train, classes, weights)
    assert train is not None, "its classes are these"
    val = None if job.val is None else _rows(job.val, classes, weights)
    rounds = Rounds(resolved.name, job.observe, settings.early_stopping_rounds)
    try:
        trees = library.fit(settings, goal, train, val, rounds)
    except BoostingError as error:
        raise UserError(f"{resolved.name}: model {choice}: {error}") from error
    if settings.early_stopping_rounds is not None:
        trees = library.first(trees, rounds.best + 1)
    return Fitted(BoostedModel(library, trees, classes, goal.loss), rounds.curves)


def _check_targets(job: TrainingJob, settings: BoostedSettings, classes: tuple[int, ...]) -> None:
    """:raises UserError: for a single class, or what is no count where counts are learnt."""
    name = job.resolved.name
    if len(classes) == 1:
        raise UserError(
            f"{name}: the training part has rows of one class alone, which trees can't tell from"
            " others; split the data otherwise"
        )
    if settings.loss == "poisson":
        try:
            refuse_no_counts(job.train.targets, "model.loss: poisson")
        except UserError as error:
            raise UserError(f"{name}: {error}") from error


def _balance(targets: "np.ndarray") -> "np.ndarray":
    """The weight of each class by its number, as if those that occur were equally frequent."""
    import numpy as np

    counts = np.bincount(targets)
    return np.asarray(counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1)))


def _rows(
    part: Arrays, classes: tuple[int, ...], weights: "np.ndarray | None"
) -> BoostingRows | None:
    """A part as libraries take it, without rows of a class that training has not seen: such have
    no loss.

    :param weights: of each class by its number.
    :returns: None where no row is left.
    """
    import numpy as np

    if not classes:
        return BoostingRows(part.features, part.targets, part.weights)
    known = np.isin(part.targets, classes)
    if not known.any():
        return None
    targets = part.targets[known]
    of_rows = None if part.weights is None else part.weights[known]
    if weights is not None:
        of_rows = weights[targets] * (1.0 if of_rows is None else of_rows)
    return BoostingRows(part.features[known], np.searchsorted(classes, targets), of_rows)


TRAINING = Training(prepare, fit)
