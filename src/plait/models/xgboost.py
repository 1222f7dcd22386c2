"""Boosted trees of XGBoost, with gradients of second order (Chen and Guestrin 2016)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from plait.config.packages import installed_as
from plait.models.boosting import (
    BoostedSettings,
    BoostingError,
    BoostingLibrary,
    BoostingRows,
    Goal,
    Loss,
    Watch,
    both_classes,
)
from plait.settings import setting

if TYPE_CHECKING:
    import numpy as np
    import xgboost

OBJECTIVES: dict[Loss, tuple[str, str]] = {
    "squared_error": ("reg:squarederror", "rmse"),
    "absolute_error": ("reg:absoluteerror", "mae"),
    "quantile": ("reg:quantileerror", "quantile"),
    "poisson": ("count:poisson", "poisson-nloglik"),
    "two_classes": ("binary:logistic", "logloss"),
    "classes": ("multi:softprob", "mlogloss"),
}
"""The library's names of each loss: as an objective, and as a metric."""


class Settings(BoostedSettings):
    """``model: xgboost``."""

    learning_rate: float = setting("learning rate: weight of each new tree", gt=0, le=1)
    rounds: int = setting("rounds of boosting: a tree each, or a tree for each class", ge=1)
    max_depth: int = setting("largest depth of each tree", ge=1, le=30)
    min_child_weight: float = setting(
        "smallest sum of second derivatives in a leaf; of a squared error, its rows", ge=0
    )
    l2_regularization: float = setting("strength of the L2 penalty on the values of leaves", ge=0)
    row_sampling: float = setting("share of the rows, drawn for each round", gt=0, le=1)
    column_sampling: float = setting("share of the inputs, drawn for each tree", gt=0, le=1)


class XGBoost(BoostingLibrary[Settings, "xgboost.Booster"]):
    """Stored in XGBoost's JSON format. Inputs are rounded to 32 bits there."""

    file: ClassVar[str] = "trees.json"

    @property
    def distributions(self) -> tuple[str, ...]:
        """The one of the two that is installed."""
        return (installed_as("xgboost-cpu"),)

    def fit(
        self,
        settings: Settings,
        goal: Goal,
        train: BoostingRows,
        val: BoostingRows | None,
        watch: Watch,
    ) -> "xgboost.Booster":
        """The trees, the same for any number of threads."""
        import xgboost

        parts = {"train": train} | ({} if val is None else {"val": val})
        try:
            matrices = {name: _matrix(part, goal.threads) for name, part in parts.items()}
            trained = xgboost.train(
                _parameters(settings, goal),
                matrices["train"],
                settings.rounds,
                evals=[(matrix, name) for name, matrix in matrices.items()],
                callbacks=[_told(watch, goal.loss, parts)],
                verbose_eval=False,
            )
        except xgboost.core.XGBoostError as error:
            raise BoostingError(error) from error
        if goal.gpu and "cuda" not in _device_of(trained):
            raise BoostingError(
                "trained on the cpu, for want of a gpu or of a build for one; set"
                " trainer.accelerator to cpu, or install xgboost in place of xgboost-cpu"
            )
        return trained

    def first(self, trees: "xgboost.Booster", rounds: int) -> "xgboost.Booster":
        """Cut."""
        return trees[:rounds]

    def predict(self, trees: "xgboost.Booster", features: "np.ndarray", loss: Loss) -> "np.ndarray":
        """As `BoostingLibrary.predict` says; the library gives 32 bits."""
        import xgboost

        # By pieces of few rows, where threads cost more than they save.
        trees.set_param({"nthread": 1})
        predicted: np.ndarray = trees.predict(xgboost.DMatrix(features, nthread=1))
        return both_classes(predicted) if loss == "two_classes" else predicted

    def inputs(self, trees: "xgboost.Booster") -> int:
        """As the file says."""
        return int(trees.num_features())

    def save(self, trees: "xgboost.Booster", path: Path) -> None:
        """Write the JSON."""
        path.write_bytes(bytes(trees.save_raw("json")))

    def load(self, path: Path) -> "xgboost.Booster":
        """Read the JSON."""
        import xgboost

        trees = xgboost.Booster()
        try:
            trees.load_model(bytearray(path.read_bytes()))
        except xgboost.core.XGBoostError as error:
            raise BoostingError(error) from error
        return trees


def _parameters(settings: Settings, goal: Goal) -> dict[str, str | float]:
    objective, metric = OBJECTIVES[goal.loss]
    return {
        "objective": objective,
        "eval_metric": metric,
        **({"num_class": goal.classes} if goal.loss == "classes" else {}),
        **({"quantile_alpha": goal.level} if goal.loss == "quantile" else {}),
        "learning_rate": settings.learning_rate,
        "max_depth": settings.max_depth,
        "min_child_weight": settings.min_child_weight,
        "reg_lambda": settings.l2_regularization,
        "subsample": settings.row_sampling,
        "colsample_bytree": settings.column_sampling,
        **({"monotone_constraints": str(goal.monotone)} if any(goal.monotone) else {}),
        "seed": goal.seed,
        "nthread": goal.threads,
        # Histograms, whose sums do not depend on the threads.
        "tree_method": "hist",
        "device": "cuda" if goal.gpu else "cpu",
        "verbosity": 0,
    }


def _matrix(part: BoostingRows, threads: int) -> "xgboost.DMatrix":
    import xgboost

    return xgboost.DMatrix(part.features, part.targets, weight=part.weights, nthread=threads)


def _told(
    watch: Watch, loss: Loss, parts: dict[str, BoostingRows]
) -> "xgboost.callback.TrainingCallback":
    """A callback that hands the losses on as `Watch` has them."""
    import xgboost

    constants = {
        name: _constant_of(part) if loss == "poisson" else 0.0 for name, part in parts.items()
    }

    class Told(xgboost.callback.TrainingCallback):  # type: ignore[misc]  # untyped
        def after_iteration(
            self,
            model: "xgboost.Booster",
            epoch: int,
            evals_log: dict[str, dict[str, list[float]]],
        ) -> bool:
            losses = []
            for name, constant in constants.items():
                (values,) = evals_log[name].values()
                losses.append(values[-1] ** 2 if loss == "squared_error" else values[-1] - constant)
            return watch(losses[0], losses[1] if len(losses) > 1 else None)

    return Told()


def _constant_of(part: BoostingRows) -> float:
    """The mean of log(count!), which XGBoost adds to the loss of counts."""
    import numpy as np
    from scipy.special import gammaln

    return float(np.average(gammaln(part.targets + 1), weights=part.weights))


def _device_of(trees: "xgboost.Booster") -> str:
    """Where it was trained in truth: without a GPU, XGBoost takes the CPU."""
    return str(json.loads(trees.save_config())["learner"]["generic_param"]["device"])


LIBRARY = XGBoost()
