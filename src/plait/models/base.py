"""The kinds of model: what they take, and whether gradients train them or they fit themselves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from plait.settings import Chosen, Settings
from plait.tasks.base import Task

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


Link = Literal["identity", "log"]
"""The function of a mean that a network's outputs are (McCullagh and Nelder 1989)."""


@dataclass(frozen=True)
class Shape:
    """What a model maps between, known once the data and their preprocessing are."""

    task: Task
    inputs: int
    """Columns after encoding; of texts: 1."""
    outputs: int
    """Numbers that it gives for a row: of a regression 1; else mostly the number of classes."""
    link: Link = "identity"
    """As the objective has it that a network is trained by."""

    def activate(self, outputs: "Tensor") -> "Tensor":
        """From a network's outputs, (rows, …), to what it predicts, such as probabilities."""
        predicted = self.task.activate(outputs)
        return predicted.exp() if self.link == "log" else predicted


@dataclass(frozen=True)
class Inputs:
    """A part's inputs, as batches take them."""

    take: "Callable[[Tensor], Any]"
    """From row numbers, int64 (rows,), to what the network is given of them."""
    lengths: "np.ndarray | None"
    """int64, (rows,): where rows differ in length; batches then hold rows of like length."""
    evaluation_rows: int
    """Rows at once where nothing is learnt."""


class ModelSettings(Settings):
    """Of any choice of model."""

    family: ClassVar[str]
    """The key in `plait.config.registry.FAMILIES`."""
    tasks: ClassVar[tuple[str, ...]] = ("regression", "classification")
    weighted: ClassVar[bool] = True
    """Whether rows may count differently; of networks their objective says so too."""

    @property
    def files(self) -> tuple[str, ...]:
        """The user's files, or folders, that it reads."""
        return ()

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Data of another task, or that it cannot take."""
        if chosen["data"].weighted and not self.weighted:
            yield (
                f"model: {chosen.names['model']!r} takes all rows alike; set data.weight to null,"
                " or choose another"
            )
        yield from chosen.unfit("model", self.tasks)
        if chosen["data"].gives != chosen.takes:
            yield (
                f"model: {chosen.names['model']!r} takes {chosen.takes}, but data:"
                f" {chosen.names['data']} gives {chosen['data'].gives}; choose another of the two"
            )


class NetworkSettings(ModelSettings):
    """Of a choice whose ``build(settings, shape)`` returns a `torch.nn.Module`.

    The module maps float (rows, inputs) to (rows,) for regression and to logits (rows, outputs)
    for classes. A `lightning.LightningModule` brings its own training step and optimiser.
    """

    family: ClassVar[str] = "network"


class EstimatorSettings(ModelSettings):
    """Of a choice whose ``build(settings, shape, seed)`` returns a scikit-learn estimator."""

    family: ClassVar[str] = "estimator"
    trusted: ClassVar[tuple[str, ...]] = ()
    """Types, beside skops' own list, that a stored estimator may hold."""


class TextEstimatorSettings(EstimatorSettings):
    """Of an estimator that takes texts: an array of str, (rows,)."""

    family: ClassVar[str] = "text_estimator"


class LanguageModelSettings(ModelSettings):
    """Of a pretrained transformer, which a choice of ``finetuning`` adapts to the task."""

    family: ClassVar[str] = "language_model"
    tasks: ClassVar[tuple[str, ...]] = ("regression", "classification", "multilabel")
