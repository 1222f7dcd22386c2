"""What preprocessing costs when few rows are predicted.

    PYTHONPATH=src:tests python benchmarks/predict_cost.py [--calls 300]

A table of 30 columns (15 numbers, 11 categories of three kinds, 4 dates), and a linear model of 64
inputs. Measured in turn, in CPU time: what `TrainedModel.predict` takes for one row beyond the
model's own call, from a mapping, from a DataFrame of one row, and from whole columns, which is the
only way that there was before.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from checkouts import ROOT
from plait.config.levels import read_yaml
from plait.data.dataset import Column, Dataset, Type
from plait.data.preprocessing import FEW, ColumnPreprocessor, Settings
from plait.models.trained import TrainedModel

ROWS = 2000


def table() -> tuple[pd.DataFrame, tuple[Column, ...]]:
    """Rows to fit on, and their columns."""
    rng = np.random.default_rng(0)
    values: dict[str, object] = {f"number {at}": rng.normal(size=ROWS) for at in range(15)}
    for at in range(8):
        values[f"kind {at}"] = rng.choice([f"kind {k}" for k in range(2 + at)], ROWS)
    for at in range(3):
        values[f"city {at}"] = rng.choice([f"city {k}" for k in range(60 + at)], ROWS)
    for at in range(4):
        values[f"date {at}"] = pd.date_range("2020-01-01", periods=ROWS, freq=f"{5 + at}h")
    types: dict[str, Type] = {"number": "number", "kind": "category", "city": "category"}
    columns = tuple(
        Column(name, "feature", types.get(name.partition(" ")[0], "date")) for name in values
    )
    frame = pd.DataFrame({**values, "price": rng.normal(size=ROWS)})
    return frame, (*columns, Column("price", "target", "number"))


def trained() -> tuple[TrainedModel, pd.DataFrame]:
    """A linear model and the rows it was fitted on."""
    from sklearn.linear_model import LinearRegression

    frame, columns = table()
    defaults = read_yaml(ROOT / "conf/config.yaml")["preprocessing"]
    dataset = Dataset("table", "regression", columns, (), {}, "", {}, "", {}, {})
    preprocessor = ColumnPreprocessor.fit(frame, dataset, Settings(**defaults))
    inputs = preprocessor.transform(frame)
    fitted = LinearRegression().fit(inputs, frame["price"])
    return TrainedModel("least_squares", {}, "regression", (), preprocessor, fitted), frame


def cost(call: Callable[[], object], calls: int) -> float:
    """Milliseconds of CPU time a call: the median of five rounds."""
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(calls):
            call()
        rounds.append((time.process_time() - start) * 1000 / calls)
    return float(np.median(rounds))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    calls = parser.parse_args().calls
    model, frame = trained()
    rows = frame.drop(columns="price")
    record = {name: rows[name].iloc[0] for name in rows}
    record |= {name: str(value) for name, value in record.items() if name.startswith("date")}
    one, many = rows.head(1), pd.concat([rows.head(1)] * (FEW + 1), ignore_index=True)
    inputs = model.preprocessor.transform(one)
    assert np.array_equal(model.predict(record), model.predict(one))
    own = cost(lambda: model._family.predict(model.fitted, inputs, model.shape), calls)
    ways: dict[str, Callable[[], object]] = {
        "mapping of values": lambda: model.predict(record),
        "mapping of arrays": lambda: model.predict({name: [record[name]] for name in record}),
        "DataFrame of one row": lambda: model.predict(one),
        f"{FEW + 1} rows by columns": lambda: model.predict(many),
    }
    print(
        f"{len(rows.columns)} columns, {inputs.shape[1]} inputs; the model's own call {own:.3f} ms"
    )
    for name, call in ways.items():
        print(
            f"{name:<24} {cost(call, calls if 'rows' not in name else 20) - own:8.3f} ms beyond it"
        )


if __name__ == "__main__":
    main()
