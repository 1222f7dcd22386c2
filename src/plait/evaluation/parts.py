"""The rows that an evaluation looks at."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from plait.data.dataset import Part, read_part
from plait.data.folds import Folds

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ASIDE: dict[Part, str] = {"calibration": "the calibration part", "val": "the validation part"}
"""Parts that a model has not learnt from, and is not tested on, the better one first: the other may
have ended the training."""


@dataclass(frozen=True)
class SetAside:
    """Rows that a model has neither learnt from nor is tested on, all columns."""

    part: Part
    frame: "pd.DataFrame"

    @property
    def name(self) -> str:
        """As it continues "rows of"."""
        return ASIDE[self.part]


@dataclass(frozen=True)
class Parts:
    """The parts of a data set, all columns."""

    train: "pd.DataFrame"
    """From which baselines are made."""
    test: "pd.DataFrame"
    """On which the model is measured."""
    set_aside: tuple[SetAside, ...] = ()
    """In the order of `ASIDE`, those that there are."""
    folds: Folds | None = None
    """Of the training part, a member of the model for each; None: there are none."""


@dataclass(frozen=True)
class Answered:
    """Rows that are set aside, and what can be asked of them."""

    rows: SetAside
    predict: "Callable[[pd.DataFrame], np.ndarray]"
    """The model's predictions of any rows, (rows, …)."""

    @cached_property
    def prediction(self) -> "np.ndarray":
        """Those of the rows that are set aside, (rows, …), made once."""
        return self.predict(self.rows.frame)


def read_set_aside(folder: Path) -> tuple[SetAside, ...]:
    """The parts of `ASIDE` that have rows.

    :param folder: of the data set.
    :raises UserError: if a file is damaged.
    """
    frames = {part: read_part(folder, part) for part in ASIDE}
    return tuple(
        SetAside(part, frame)
        for part, frame in frames.items()
        if frame is not None and not frame.empty
    )
