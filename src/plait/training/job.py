"""What passes between the parts of a training: its job, where it runs, and what it gives."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.config.resolved import Resolved
from plait.data.preprocessing import Preprocessor
from plait.models.base import Shape

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Observe = Callable[[int, dict[str, float]], None]
"""Called with an epoch's number and its values, such as ``{"train/loss": 0.1}``."""


@dataclass(frozen=True)
class Arrays:
    """A part after preprocessing."""

    features: Any
    """What the kind of model takes: float64, (rows, inputs); of texts, their tokens."""
    targets: "np.ndarray"
    """Regression: float64, (rows,), scaled; else int64: (rows,), or (rows, classes) of 0 and 1."""
    weights: "np.ndarray | None" = None
    """How much each row counts, float64, (rows,), 1 on average; None: all alike."""

    @property
    def arrays(self) -> "dict[str, np.ndarray]":
        """What there is beside the features, by name."""
        beside = {"targets": self.targets, "weights": self.weights}
        return {name: values for name, values in beside.items() if values is not None}


@dataclass(frozen=True)
class TrainingJob:
    """What a training is given."""

    resolved: Resolved
    shape: Shape
    train: Arrays
    val: Arrays | None
    data: str
    """Digest of what it is trained on."""
    checkpoints: Path
    """A folder of this identity's own."""
    observe: Observe
    base: Path | None = None
    """The pretrained model that stage `pretrain` has trained, if it has."""
    preprocessor: Preprocessor | None = None
    """What has made the inputs; none in one of several processes, which take them as they are."""


@dataclass(frozen=True)
class Fitted:
    """What a training gives."""

    model: Any
    """A `torch.nn.Module` or a scikit-learn estimator."""
    curves: list[dict[str, float]]
    """A row an epoch, with its number under ``epoch``; of an estimator one row."""


@dataclass(frozen=True)
class Training:
    """How a family of models is fitted. The family's module defines one instance, ``TRAINING``."""

    prepare: Callable[[Resolved], str]
    """Imports what ``fit`` needs, and checks that this machine can do it; returns the devices that
    it will use."""
    fit: Callable[[TrainingJob], Fitted]
    """Fits on the training part; the validation part selects, where there is something to."""


@dataclass(frozen=True)
class Trained:
    """What the loop gives."""

    weights: "dict[str, Tensor]"
    """The weights by name, as the network's ``state_dict`` has them; on the first process alone."""
    curves: list[dict[str, float]]


@dataclass(frozen=True)
class DistributedContext:
    """Where this process stands among those of the training."""

    rank: int = 0
    devices: int = 1
    """Processes on each node."""
    nodes: int = 1
    strategy: str = "auto"
    stop_file: Path | None = None
    """There when the processes are to stop."""

    @property
    def world(self) -> int:
        """Processes in all."""
        return self.devices * self.nodes
