"""A column that no model can learn from: no input."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from plait.data.encoders.base import ColumnEncoder, Row

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class LeftOut(ColumnEncoder):
    """Nothing, and why."""

    kind: ClassVar = "left_out"

    why: str

    @property
    def inputs(self) -> list[str]:
        """None."""
        return []

    @property
    def treatment(self) -> str:
        """Why there is none."""
        return f"left out: {self.why}"

    def transform(self, values: "pd.Series") -> "np.ndarray":
        """Nothing, (rows, 0)."""
        import numpy as np

        return np.empty((len(values), 0))

    def of_value(self, value: object) -> Row:
        """Nothing."""
        return ()
