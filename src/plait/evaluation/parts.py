"""The rows that an evaluation looks at."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from plait.data.dataset import read_part
from plait.data.folds import Folds

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


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


def read_set_aside(folder: Path) -> SetAside | None:
    """The validation part; None where there is none.

    :param folder: of the data set.
    :raises UserError: if the file is damaged.
    """
    frame = read_part(folder, "val")
    return None if frame is None or frame.empty else SetAside("the validation part", frame)
