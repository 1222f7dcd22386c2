"""What choices of boosted trees have in common: settings, and what each says of its library.

The module of a choice defines ``Settings``, which derive from `BoostedSettings`, and one instance,
``LIBRARY``, of a class that derives from `BoostingLibrary`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from plait.models.base import ModelSettings
from plait.settings import Chosen, setting
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import numpy as np

RegressionLoss = Literal["squared_error", "absolute_error", "quantile", "poisson"]
Loss = Literal[RegressionLoss, "two_classes", "classes"]

Watch = Callable[[float, float | None], bool]
"""Told of each round's losses, of the training and of the validation part; says whether to stop.

They are means over the rows, as these are weighted: of squares, of absolute errors, of the pinball
loss, of the negative logarithm of the probability of what is right; for counts without the term
that does not depend on the prediction, mean - count * log(mean).
"""


class BoostingError(Exception):
    """What a library says in its own words of rows, a device or a file that it cannot take."""


class BoostedSettings(ModelSettings):
    """Of a choice that adds trees to trees."""

    family: ClassVar[str] = "boosted"

    loss: RegressionLoss | None = setting(
        "loss of a regression; null: squared_error. Classes always have the cross-entropy"
    )
    quantile_level: float | None = setting(
        "share of the targets that lie below the prediction, with loss: quantile", gt=0, lt=1
    )
    early_stopping_rounds: int | None = setting(
        "rounds without a lower loss on the validation part until learning stops; the trees up to"
        " the lowest are kept; null: all trees are",
        unit="rounds",
        ge=1,
    )
    class_weights: Literal["none", "balanced"] = setting(
        "weighting of classes; balanced: rows count by rows / (classes * rows of their class),"
        " as if classes were equally frequent"
    )
    monotone: dict[str, Literal["increasing", "decreasing"]] = setting(
        "directions in which the prediction may go along number columns, by name; of two classes"
        " the second's probability"
    )

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """A loss or weights that the task has not, and early stopping without validation."""
        yield from super().refuses(chosen)
        data, scalar = chosen["data"], task_named(chosen["data"].task).scalar
        if self.loss is not None and not scalar:
            yield (
                f"model.loss: is {self.loss}, which is for regression, but data:"
                f" {chosen.names['data']} is a {data.task} task; set it to null"
            )
        if self.loss == "quantile" and self.quantile_level is None:
            yield "model.quantile_level: is null; loss: quantile needs a level in (0, 1)"
        if self.loss != "quantile" and self.quantile_level is not None:
            yield "model.quantile_level: needs loss: quantile; set one of them, or this to null"
        if self.loss == "poisson" and chosen["preprocessing"].target_scaling != "none":
            yield "preprocessing.target_scaling: model.loss: poisson takes counts; set it to none"
        if self.loss == "poisson" and chosen["preprocessing"].target_transform != "none":
            yield "preprocessing.target_transform: model.loss: poisson takes counts; set it to none"
        if self.class_weights == "balanced" and scalar:
            yield "model.class_weights: is balanced; a regression has no classes, set it to none"
        if self.early_stopping_rounds is not None and not data.may_validate:
            yield "model.early_stopping_rounds: needs a validation part; set data.split.val above 0"
        if chosen["trainer"].accelerator == "mps":
            yield "trainer.accelerator: is mps, which boosted trees do not use; set it to cpu"


@dataclass(frozen=True)
class BoostingRows:
    """A part as a library takes it."""

    features: "np.ndarray"
    """float64, (rows, inputs)."""
    targets: "np.ndarray"
    """float64, (rows,), or the numbers of classes from 0 on, int64, (rows,)."""
    weights: "np.ndarray | None"
    """float64, (rows,): how often each row counts; None: once."""


@dataclass(frozen=True)
class Goal:
    """What is to be learnt, and how."""

    loss: Loss
    level: float
    """Of the loss ``quantile``; without a meaning for others."""
    classes: int
    """That the rows have; of a regression 1."""
    monotone: tuple[int, ...]
    """(inputs,): 1 where predictions may not fall, -1 where they may not rise, else 0."""
    seed: int
    threads: int
    """The numbers do not depend on them."""
    gpu: bool


Choice = TypeVar("Choice", bound=BoostedSettings)
Trees = TypeVar("Trees")
"""What a library fits."""


class BoostingLibrary(ABC, Generic[Choice, Trees]):
    """A library of boosted trees. Modules import theirs within functions."""

    file: ClassVar[str]
    """In which the trees are stored, in a format of the library's own that holds no pickle."""

    @property
    @abstractmethod
    def distributions(self) -> tuple[str, ...]:
        """What must be installed for a stored model to predict."""

    @abstractmethod
    def fit(
        self,
        settings: Choice,
        goal: Goal,
        train: BoostingRows,
        val: BoostingRows | None,
        watch: Watch,
    ) -> Trees:
        """Add a tree, or one for each class, in each round, until ``watch`` says so or they are as
        many as the settings have.

        :raises BoostingError: for rows or a device that it cannot take.
        """

    @abstractmethod
    def first(self, trees: Trees, rounds: int) -> Trees:
        """The trees of the first rounds alone."""

    @abstractmethod
    def predict(self, trees: Trees, features: "np.ndarray", loss: Loss) -> "np.ndarray":
        """The prediction of rows, which does not depend on the rows beside them.

        :param features: float64, (rows, inputs), of one row at least.
        :param loss: that the trees were fitted by.
        :returns: numbers, (rows,); of classes probabilities, (rows, classes).
        """

    @abstractmethod
    def inputs(self, trees: Trees) -> int:
        """How many inputs the trees take."""

    @abstractmethod
    def save(self, trees: Trees, path: Path) -> None:
        """Write the file; equal trees give equal bytes."""

    @abstractmethod
    def load(self, path: Path) -> Trees:
        """Read what `save` wrote.

        :raises BoostingError: if it holds no trees.
        """


def loss_of(settings: BoostedSettings, classes: int) -> Loss:
    """What trees are fitted by.

    :param classes: that the rows have; of a regression none.
    """
    if not classes:
        return settings.loss or "squared_error"
    return "two_classes" if classes == 2 else "classes"


def both_classes(second: "np.ndarray") -> "np.ndarray":
    """The probabilities of two classes, (rows, 2), from those of the second, (rows,)."""
    import numpy as np

    wide = np.asarray(second, dtype=np.float64)
    return np.column_stack([1 - wide, wide])
