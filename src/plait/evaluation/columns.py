"""What became of each column of a table."""

from typing import TYPE_CHECKING

from plait.data.preprocessing import ColumnPreprocessor
from plait.data.raw_column import column_of
from plait.evaluation.entries import TreatedColumn

if TYPE_CHECKING:
    import pandas as pd

    from plait.models.trained import TrainedModel

PLAIN = "number"
"""The treatment of which nothing has to be said."""


def treated(
    model: "TrainedModel", train: "pd.DataFrame", test: "pd.DataFrame"
) -> list[TreatedColumn] | None:
    """A row a column; None of a model without columns, or of plain numbers alone."""
    if not isinstance(model.preprocessor, ColumnPreprocessor):
        return None
    rows: list[TreatedColumn] = []
    for feature in model.preprocessor.features:
        values = column_of(test, feature.name)
        rows.append(
            {
                "name": feature.name,
                "treatment": feature.treatment,
                "inputs": len(feature.inputs),
                "missing_in_training": int(train[feature.name].isna().sum()),
                "missing_in_test": int(values.isna().sum()),
                "unseen_in_test": feature.unseen(values),
            }
        )
    return None if all(row["treatment"] == PLAIN for row in rows) else rows
