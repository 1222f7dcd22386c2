"""The rows that an evaluation looks at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plait.data.dataset import Part, read_part

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ASIDE: dict[Part, str] = {"calibration": "the calibration part", "val": "the validation part"}
"""Parts that a model has not learnt from, and is not tested on, the better one first: the other may
have ended the training."""


@dataclass(frozen=True)
class SetAside:
    """Rows that a model has neither learnt from nor is tested on, all columns."""

    name: str
    """As it continues "rows of"."""
    frame: "pd.DataFrame"


@dataclass(frozen=True)
class Parts:
    """The parts of a data set, all columns."""

    train: "pd.DataFrame"
    """From which baselines are made."""
    test: "pd.DataFrame"
    """On which the model is measured."""
    set_aside: SetAside | None
    """By whose errors intervals around predictions are made; None: there are no such rows."""


@dataclass(frozen=True)
class Answered:
    """Rows that are set aside, and what can be asked of them."""

    rows: SetAside
    predict: "Callable[[pd.DataFrame], np.ndarray]"
    """The model's predictions, (rows, …): asked for only where a task needs them."""


def read_set_aside(folder: Path) -> SetAside | None:
    """The calibration part, else the validation part; None where there is neither.

    :param folder: of the data set.
    :raises UserError: if the file is damaged.
    """
    for part, name in ASIDE.items():
        frame = read_part(folder, part)
        if frame is not None and not frame.empty:
            return SetAside(name, frame)
    return None
