"""Boosted trees of CatBoost, the same question at all nodes of a level (Prokhorenkova et al.
2018).
"""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from plait.models.boosting import (
    BoostedSettings,
    BoostingError,
    BoostingLibrary,
    BoostingRows,
    Goal,
    Loss,
    Watch,
)
from plait.settings import setting

if TYPE_CHECKING:
    import catboost
    import numpy as np

OBJECTIVES: dict[Loss, str] = {
    "squared_error": "RMSE",
    "absolute_error": "MAE",
    "quantile": "Quantile:alpha={level}",
    "poisson": "Poisson",
    "two_classes": "Logloss",
    "classes": "MultiClass",
}
"""The library's name of each loss, as an objective and as a metric."""

PREDICTIONS: dict[Loss, str] = {
    "poisson": "Exponent",
    "two_classes": "Probability",
    "classes": "Probability",
}
"""The library's name of what is predicted, where it is not the sum of the trees."""

LEARN, VALIDATION = "learn", "validation"
"""The library's names of the parts."""

OF_CLASSES = "class_params"
"""What of a model's description says what it predicts; all else says how and when it was
trained."""


class Settings(BoostedSettings):
    """``model: catboost``."""

    learning_rate: float = setting("learning rate: weight of each new tree", gt=0, le=1)
    rounds: int = setting("rounds of boosting: a tree each", ge=1)
    max_depth: int = setting("depth of each tree", ge=1, le=16)
    l2_regularization: float = setting("strength of the L2 penalty on the values of leaves", ge=0)
    row_sampling: float = setting("share of the rows, drawn for each round", gt=0, le=1)
    column_sampling: float = setting("share of the inputs, drawn for each level", gt=0, le=1)


class Round(Protocol):
    """What CatBoost tells of a round."""

    metrics: dict[str, dict[str, list[float]]]
    """Values of all rounds so far, by part and metric."""


class CatBoost(BoostingLibrary[Settings, "catboost.CatBoost"]):
    """Stored in CatBoost's binary format. Inputs are rounded to 32 bits there."""

    file: ClassVar[str] = "trees.cbm"

    @property
    def distributions(self) -> tuple[str, ...]:
        """CatBoost's own."""
        return ("catboost",)

    def fit(
        self,
        settings: Settings,
        goal: Goal,
        train: BoostingRows,
        val: BoostingRows | None,
        watch: Watch,
    ) -> "catboost.CatBoost":
        """The trees, the same for any number of threads."""
        import catboost

        trees = catboost.CatBoost(_parameters(settings, goal))
        told = Told(watch, goal.loss)
        try:
            trees.fit(
                _pool(train, goal.threads),
                eval_set=None if val is None else _pool(val, goal.threads),
                use_best_model=False,
                callbacks=None if goal.gpu else [told],
            )
        except catboost.CatBoostError as error:
            raise BoostingError(error) from error
        if told.error is not None:
            raise told.error
        if goal.gpu:
            # Which calls nobody between rounds.
            told.replay(trees.get_evals_result())
        description = trees.get_metadata()
        for key in [key for key in description.keys() if key != OF_CLASSES]:  # noqa: SIM118
            del description[key]
        return trees

    def first(self, trees: "catboost.CatBoost", rounds: int) -> "catboost.CatBoost":
        """Cut, in place."""
        trees.shrink(rounds)
        return trees

    def predict(
        self, trees: "catboost.CatBoost", features: "np.ndarray", loss: Loss
    ) -> "np.ndarray":
        """As `BoostingLibrary.predict` says."""
        kind = PREDICTIONS.get(loss, "RawFormulaVal")
        # By pieces of few rows, where threads cost more than they save.
        predicted: np.ndarray = trees.predict(features, prediction_type=kind, thread_count=1)
        return predicted

    def inputs(self, trees: "catboost.CatBoost") -> int:
        """As the file says."""
        return len(trees.feature_names_)

    def save(self, trees: "catboost.CatBoost", path: Path) -> None:
        """Write the binary file."""
        trees.save_model(str(path))

    def load(self, path: Path) -> "catboost.CatBoost":
        """Read the binary file."""
        import catboost

        try:
            return catboost.CatBoost().load_model(str(path))
        except catboost.CatBoostError as error:
            raise BoostingError(error) from error


class Told:
    """Hands the losses of rounds on, as `Watch` has them.

    :param watch: what it raises is kept as ``error`` until CatBoost, which is no Python, has ended.
    """

    def __init__(self, watch: Watch, loss: Loss) -> None:
        self._watch, self._squared = watch, loss == "squared_error"
        self.error: BaseException | None = None

    def after_iteration(self, info: Round) -> bool:
        """Whether to go on, as CatBoost asks after each round."""
        try:
            return not self._hand_on(info.metrics, -1)
        except BaseException as error:
            self.error = error
            return False

    def replay(self, metrics: dict[str, dict[str, list[float]]]) -> None:
        """Hand all rounds on, once they are done, until one would have been the last."""
        ((_, values),) = metrics[LEARN].items()
        for round_ in range(len(values)):
            if self._hand_on(metrics, round_):
                break

    def _hand_on(self, metrics: dict[str, dict[str, list[float]]], round_: int) -> bool:
        losses = []
        for part in (LEARN, VALIDATION):
            for values in metrics.get(part, {}).values():
                value = values[round_]
                losses.append(value**2 if self._squared else value)
        return self._watch(losses[0], losses[1] if len(losses) > 1 else None)


def _parameters(settings: Settings, goal: Goal) -> dict[str, str | float | list[int]]:
    loss = OBJECTIVES[goal.loss].format(level=goal.level)
    return {
        "loss_function": loss,
        "eval_metric": loss,
        "learning_rate": settings.learning_rate,
        "iterations": settings.rounds,
        "depth": settings.max_depth,
        "l2_leaf_reg": settings.l2_regularization,
        "bootstrap_type": "Bernoulli" if settings.row_sampling < 1 else "No",
        **({"subsample": settings.row_sampling} if settings.row_sampling < 1 else {}),
        # Which the GPU does not have.
        **({"rsm": settings.column_sampling} if settings.column_sampling < 1 else {}),
        **({"monotone_constraints": list(goal.monotone)} if any(goal.monotone) else {}),
        "random_seed": goal.seed,
        "thread_count": goal.threads,
        "task_type": "GPU" if goal.gpu else "CPU",
        "allow_writing_files": False,
        "logging_level": "Silent",
    }


def _pool(part: BoostingRows, threads: int) -> "catboost.Pool":
    import catboost

    return catboost.Pool(part.features, part.targets, weight=part.weights, thread_count=threads)


LIBRARY = CatBoost()
