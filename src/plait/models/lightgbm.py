"""Boosted trees of LightGBM, grown leaf by leaf over binned features (Ke et al. 2017)."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

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
    import lightgbm
    import numpy as np

OBJECTIVES: dict[Loss, tuple[str, str]] = {
    "squared_error": ("regression", "l2"),
    "absolute_error": ("regression_l1", "l1"),
    "quantile": ("quantile", "quantile"),
    "poisson": ("poisson", "poisson"),
    "two_classes": ("binary", "binary_logloss"),
    "classes": ("multiclass", "multi_logloss"),
}
"""The library's names of each loss: as an objective, and as a metric."""

PARAMETERS = "\nparameters:"
"""Where a stored model begins to tell how it was trained: with how many threads, for one."""


class Settings(BoostedSettings):
    """``model: lightgbm``."""

    learning_rate: float = setting("learning rate: weight of each new tree", gt=0, le=1)
    rounds: int = setting("rounds of boosting: a tree each, or a tree for each class", ge=1)
    max_leaf_nodes: int = setting("most leaves of a tree", ge=2, le=131072)
    max_depth: int | None = setting("largest depth of each tree; null: no limit", ge=1)
    min_samples_leaf: int = setting("fewest rows in a leaf", unit="rows", ge=1)
    l2_regularization: float = setting("strength of the L2 penalty on the values of leaves", ge=0)
    row_sampling: float = setting("share of the rows, drawn for each round", gt=0, le=1)
    column_sampling: float = setting("share of the inputs, drawn for each tree", gt=0, le=1)


class LightGBM(BoostingLibrary[Settings, "lightgbm.Booster"]):
    """Stored in LightGBM's text format."""

    file: ClassVar[str] = "trees.txt"

    @property
    def distributions(self) -> tuple[str, ...]:
        """LightGBM's own."""
        return ("lightgbm",)

    def fit(
        self,
        settings: Settings,
        goal: Goal,
        train: BoostingRows,
        val: BoostingRows | None,
        watch: Watch,
    ) -> "lightgbm.Booster":
        """The trees, the same for any number of threads."""
        import lightgbm
        from lightgbm.callback import CallbackEnv, EarlyStopException

        def told(round_: CallbackEnv) -> None:
            losses = [entry[2] for entry in round_.evaluation_result_list or ()]
            if watch(losses[0], losses[1] if len(losses) > 1 else None):
                raise EarlyStopException(round_.iteration, [])

        parameters = _parameters(settings, goal)
        parts = [_dataset(part, parameters) for part in (train, val) if part is not None]
        for other in parts[1:]:
            other.set_reference(parts[0])
        try:
            trained = lightgbm.train(
                parameters,
                parts[0],
                settings.rounds,
                valid_sets=parts,
                valid_names=["train", "val"][: len(parts)],
                callbacks=[told],
            )
        except lightgbm.basic.LightGBMError as error:
            raise BoostingError(error) from error
        # As it is read again, so that nothing differs.
        return _booster(_text_of(trained))

    def first(self, trees: "lightgbm.Booster", rounds: int) -> "lightgbm.Booster":
        """Cut."""
        return _booster(_text_of(trees, rounds))

    def predict(
        self, trees: "lightgbm.Booster", features: "np.ndarray", loss: Loss
    ) -> "np.ndarray":
        """As `BoostingLibrary.predict` says."""
        import numpy as np

        # By pieces of few rows, where threads cost more than they save.
        predicted = np.asarray(trees.predict(features, num_threads=1))
        return both_classes(predicted) if loss == "two_classes" else predicted

    def inputs(self, trees: "lightgbm.Booster") -> int:
        """As the file says."""
        return int(trees.num_feature())

    def save(self, trees: "lightgbm.Booster", path: Path) -> None:
        """Write the text."""
        path.write_text(_text_of(trees), encoding="utf-8", newline="\n")

    def load(self, path: Path) -> "lightgbm.Booster":
        """Read the text."""
        import lightgbm

        try:
            return _booster(path.read_text(encoding="utf-8"))
        except lightgbm.basic.LightGBMError as error:
            raise BoostingError(error) from error


def _parameters(settings: Settings, goal: Goal) -> dict[str, str | float | list[int]]:
    objective, metric = OBJECTIVES[goal.loss]
    return {
        "objective": objective,
        "metric": metric,
        "alpha": goal.level,
        "num_class": goal.classes if goal.loss == "classes" else 1,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.max_leaf_nodes,
        "max_depth": -1 if settings.max_depth is None else settings.max_depth,
        "min_data_in_leaf": settings.min_samples_leaf,
        "lambda_l2": settings.l2_regularization,
        "bagging_fraction": settings.row_sampling,
        "bagging_freq": int(settings.row_sampling < 1),
        "feature_fraction": settings.column_sampling,
        **({"monotone_constraints": list(goal.monotone)} if any(goal.monotone) else {}),
        # Signed numbers of 32 bits there.
        "seed": goal.seed % 2**31,
        "num_threads": goal.threads,
        # Sums in an order that neither threads nor a stopwatch decide.
        "deterministic": True,
        "force_row_wise": not goal.gpu,
        "device_type": "gpu" if goal.gpu else "cpu",
        "verbosity": -1,
    }


def _dataset(
    part: BoostingRows, parameters: dict[str, str | float | list[int]]
) -> "lightgbm.Dataset":
    import lightgbm

    # A copy, since LightGBM changes the parameters of a data set in place.
    return lightgbm.Dataset(
        part.features, part.targets, weight=part.weights, params=dict(parameters)
    )


def _text_of(trees: "lightgbm.Booster", rounds: int | None = None) -> str:
    text = str(trees.model_to_string(num_iteration=rounds))
    return text.partition(PARAMETERS)[0].rstrip("\n") + "\n"


def _booster(text: str) -> "lightgbm.Booster":
    import lightgbm

    return lightgbm.Booster(model_str=text)


LIBRARY = LightGBM()
