"""The report says what became of each column, and how often nothing was known of it."""

import numpy as np
import pandas as pd

from checkouts import ROOT
from plait.config.levels import read_yaml
from plait.data.dataset import Column, Dataset
from plait.data.preprocessing import ColumnPreprocessor, Settings
from plait.evaluation.columns import treated
from plait.models.trained import TrainedModel

COLUMNS = (
    Column("size", "feature", "number"),
    Column("city", "feature", "category"),
    Column("note", "feature", "category"),
    Column("price", "target", "number"),
)


def model_of(train: pd.DataFrame, *columns: Column) -> TrainedModel:
    dataset = Dataset("table", "regression", columns, (), {}, "", {}, "", {}, {})
    settings = Settings(**read_yaml(ROOT / "conf/config.yaml")["preprocessing"])
    fitted = ColumnPreprocessor.fit(train, dataset, settings)
    return TrainedModel("linear", {}, "regression", (), fitted, None)


def rows(number: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row": range(number),
            "size": np.arange(number, dtype=float),
            "city": ["Bonn", "Köln"] * (number // 2),
            "note": [f"note {each}" for each in range(number)],
            "price": np.arange(number, dtype=float),
        }
    )


def test_each_column_is_told_with_its_counts() -> None:
    train, test = rows(40), rows(6)
    train.loc[[1, 2], "size"] = np.nan
    test.loc[[0], "size"], test.loc[[3, 4], "city"] = np.nan, "Ulm"
    test.loc[5, "city"] = None
    told = treated(model_of(train, *COLUMNS), train, test)
    assert told == [
        {
            "name": "size",
            "treatment": "number; missing ones are imputed",
            "inputs": 2,
            "missing_in_training": 2,
            "missing_in_test": 1,
            "unseen_in_test": 0,
        },
        {
            "name": "city",
            "treatment": "an input for each of 2 categories",
            "inputs": 2,
            "missing_in_training": 0,
            "missing_in_test": 1,
            "unseen_in_test": 2,
        },
        {
            "name": "note",
            "treatment": "left out: nearly every row has a value of its own",
            "inputs": 0,
            "missing_in_training": 0,
            "missing_in_test": 0,
            "unseen_in_test": 0,
        },
    ]


def test_of_plain_numbers_alone_nothing_has_to_be_told() -> None:
    train = rows(10)
    assert treated(model_of(train, COLUMNS[0], COLUMNS[-1]), train, rows(4)) is None
