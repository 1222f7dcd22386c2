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
    """The first member, or the only one. It takes inputs for raw columns."""
    inputs: "np.ndarray"
    """float64, (rows, inputs)."""
    places: dict[str, slice]
    """By column, where its inputs are; columns that were left out by every member have none."""
    others: "tuple[EncodedRows, ...]" = ()
    """The same rows for each further member, whose preprocessing may be another."""

    @classmethod
    def of(cls, model: "TrainedModel", frame: "pd.DataFrame") -> "EncodedRows | None":
        """Encode rows; None for a model that does not learn from columns.

        :param frame: raw columns, (rows, …).
        """
        members: list[EncodedRows] = []
        for member in model.members:
            fitted = member.preprocessor
            if not isinstance(fitted, ColumnPreprocessor):
                return None
            taking = replace(member, preprocessor=_AlreadyEncoded(fitted.target, fitted.features))
            members.append(cls(taking, fitted.transform(frame), dict(_places(fitted.used))))
        first, *others = members
        places = dict(first.places)
        for name in (name for other in others for name in other.places):
            places.setdefault(name, slice(0))
        return replace(first, places=places, others=tuple(others))

    def take(self, rows: "np.ndarray") -> "EncodedRows":
        """Some of the rows, by their numbers."""
        others = tuple(other.take(rows) for other in self.others)
        return replace(self, inputs=self.inputs[rows], others=others)

    def predicted(self) -> "np.ndarray":
        """What the model says of the rows as they are, (rows, …)."""
        return self._average([self._predict(self.inputs), *(o.predicted() for o in self.others)])

    def predicted_with(self, column: str, others: "np.ndarray") -> "np.ndarray":
        """What the model says where a column has the values of other rows, (times, rows, …).

        :param others: numbers of rows, (times, rows): whose value each row has instead.
        """
        import numpy as np

        times = len(others)
        inputs = np.tile(self.inputs, (times, 1))
        place = self.places.get(column, slice(0))
        inputs[:, place] = self.inputs[others.ravel(), place]
        prediction = self._predict(inputs)
        prediction = prediction.reshape(times, len(self.inputs), *prediction.shape[1:])
        return self._average(
            [prediction, *(other.predicted_with(column, others) for other in self.others)]
        )

    def _predict(self, inputs: "np.ndarray") -> "np.ndarray":
        import pandas as pd

        return self.model.predict(pd.DataFrame(inputs, copy=False))

    def _average(self, predictions: "list[np.ndarray]") -> "np.ndarray":
        return self.model.average(predictions) if self.others else predictions[0]


def _places(features: tuple[ColumnEncoder, ...]) -> Iterator[tuple[str, slice]]:
    start = 0
    for feature in features:
        end = start + len(feature.inputs)
        yield feature.name, slice(start, end)
        start = end
