"""The contract of a calibration of probabilities."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from plait.json_types import Values
from plait.settings import Chosen, Settings, setting

if TYPE_CHECKING:
    import numpy as np


class CalibrationSettings(Settings):
    """Settings of a choice whose ``fit(probabilities, truth, weights, classes)`` returns a
    `Calibrator`, which its ``read(values)`` makes again of what `Calibrator.to_json` gave.

    ``probabilities`` are float64, (rows, classes), those of rows that nothing trained on; ``truth``
    is the numbers of their classes, int64, (rows,), or where a row may have several 0 or 1, int64,
    (rows, classes); ``weights`` are positive, float64, (rows,). What cannot be fitted is a
    `UserError`.
    """

    tasks: ClassVar[tuple[str, ...]] = ("classification", "multilabel")
    min_rows: int = setting(
        "fewest rows of the calibration part, below which it is refused", unit="rows", ge=2
    )

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse data without probabilities, or without rows to fit it on."""
        yield from chosen.unfit("calibration", self.tasks)
        if not chosen["data"].may_calibrate:
            yield (
                f"calibration: {chosen.names['calibration']!r} is fitted on rows that nothing"
                " trained on; set data.split.calibration above 0, such as 0.2"
            )


class Calibrator(ABC):
    """From the probabilities that a model gives to those that come true."""

    @abstractmethod
    def __call__(self, probabilities: "np.ndarray") -> "np.ndarray":
        """The calibrated ones, float64, of the same shape, (rows, classes)."""

    @abstractmethod
    def to_json(self) -> Values:
        """Plain values, of which ``read`` makes it again."""

    @abstractmethod
    def in_words(self) -> str:
        """What was fitted, as it continues "Calibrated by": ``temperature scaling, T = 1.3``."""


def columns_of_truth(truth: "np.ndarray", classes: int) -> "np.ndarray":
    """Which classes each row has, bool, (rows, classes).

    :param truth: as `CalibrationSettings` has it.
    """
    import numpy as np

    has: np.ndarray = truth == 1 if truth.ndim == 2 else truth[:, None] == np.arange(classes)
    return has
