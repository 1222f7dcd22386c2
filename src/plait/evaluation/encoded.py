"""Test rows as the inputs of a model, of which a column's can be exchanged for others."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plait.data.encoders.base import ColumnEncoder
from plait.data.preprocessing import ColumnPreprocessor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from plait.models.trained import TrainedModel


class _AlreadyEncoded(ColumnPreprocessor):
    """Takes inputs where others take raw columns."""

    def transform(self, frame: "pd.DataFrame") -> "np.ndarray":
        """The same numbers, which torch wants to be able to write to."""
        return frame.to_numpy(copy=True)


@dataclass(frozen=True)
class EncodedRows:
    """Rows encoded once. What a model says of them with other values needs no encoding again."""

    model: "TrainedModel"
    """It takes inputs for raw columns."""
    inputs: "np.ndarray"
    """float64, (rows, inputs)."""
    places: dict[str, slice]
    """By column, where its inputs are; columns that were left out have none."""

    @classmethod
    def of(cls, model: "TrainedModel", frame: "pd.DataFrame") -> "EncodedRows | None":
        """Encode rows; None for a model that does not learn from columns.

        :param frame: raw columns, (rows, …).
        """
        fitted = model.preprocessor
        if not isinstance(fitted, ColumnPreprocessor):
            return None
        taking = replace(model, preprocessor=_AlreadyEncoded(fitted.target, fitted.features))
        return cls(taking, fitted.transform(frame), dict(_places(fitted.used)))

    def take(self, rows: "np.ndarray") -> "EncodedRows":
        """Some of the rows, by their numbers."""
        return replace(self, inputs=self.inputs[rows])

    def predicted(self) -> "np.ndarray":
        """What the model says of the rows as they are, (rows, …)."""
        return self._predict(self.inputs)

    def predicted_with(self, column: str, others: "np.ndarray") -> "np.ndarray":
        """What the model says where a column has the values of other rows, (times, rows, …).

        :param others: numbers of rows, (times, rows): whose value each row has instead.
        """
        import numpy as np

        times = len(others)
        inputs = np.tile(self.inputs, (times, 1))
        place = self.places[column]
        inputs[:, place] = self.inputs[others.ravel(), place]
        prediction = self._predict(inputs)
        return prediction.reshape(times, len(self.inputs), *prediction.shape[1:])

    def _predict(self, inputs: "np.ndarray") -> "np.ndarray":
        import pandas as pd

        return self.model.predict(pd.DataFrame(inputs, copy=False))


def _places(features: tuple[ColumnEncoder, ...]) -> Iterator[tuple[str, slice]]:
    start = 0
    for feature in features:
        end = start + len(feature.inputs)
        yield feature.name, slice(start, end)
        start = end
