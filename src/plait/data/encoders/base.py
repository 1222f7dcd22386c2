"""The contract of a column's encoder: fitted on the training part, kept with the model."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

from plait.errors import UserError
from plait.json_types import Values

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


Row = tuple[float, ...]
"""The inputs of one value, (inputs,)."""


@dataclass(frozen=True)
class ColumnEncoder(ABC):
    """Maps one raw column to inputs."""

    kind: ClassVar[str]
    """Its name in ``model.json``."""

    name: str
    """Of the column."""

    @property
    @abstractmethod
    def inputs(self) -> list[str]:
        """The inputs' names: ``age``, ``age is missing``, …"""

    @property
    @abstractmethod
    def treatment(self) -> str:
        """What becomes of the column, in a few words for the report."""

    @abstractmethod
    def transform(self, values: "pd.Series") -> "np.ndarray":
        """The inputs, float64, (rows, inputs), without missing values.

        :param values: raw, (rows,); their index names the rows.
        :raises UserError: naming column, row and value, for one that cannot be an input.
        """

    def of_value(self, value: object) -> Row | None:
        """What `transform` gives for one value, to the last bit, without the time that it takes to
        make a column of it.

        :param value: as a list holds it: a text, a number, a date, None, …
        :returns: (inputs,); None: `transform` has to see it, and says what is wrong with it.
        """
        return None

    def of_training(self, values: "pd.Series", targets: "np.ndarray") -> "np.ndarray":
        """The inputs of the very rows that it was fitted on.

        :param targets: as the model learns them, (rows, …).
        """
        return self.transform(values)

    def unseen(self, values: "pd.Series") -> int:
        """How many rows have a value that training has not seen, where that matters."""
        return 0

    def to_json(self) -> Values:
        """Plain values from which the encoder can be made again."""
        return {"encoder": self.kind, **asdict(self)}


def row_of(encoder: ColumnEncoder, value: object) -> Row | None:
    """What `transform` gives for one value; None where it is refused."""
    import pandas as pd

    try:
        (inputs,) = encoder.transform(pd.Series([value], name=encoder.name, dtype=object)).tolist()
    except UserError:
        return None
    return tuple(inputs)


def refuse(values: "pd.Series", faults: "pd.Series", what: str) -> None:
    """Raise, naming the first of the faulty rows.

    :param faults: bool, (rows,).
    :raises UserError: if there is one.
    """
    bad = values[faults]
    if len(bad):
        raise UserError(f"column {values.name!r}, row {bad.index[0]}: {bad.iloc[0]!r} {what}")


def with_missing(inputs: "np.ndarray", missing: "np.ndarray", shown: bool) -> "np.ndarray":
    """The inputs, and beside them one that says where the value was missing, if it is shown.

    :param inputs: (rows, inputs).
    :param missing: bool, (rows,).
    """
    import numpy as np

    return np.column_stack([inputs, missing]) if shown else inputs
