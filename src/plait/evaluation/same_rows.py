"""Which rows a number was measured on: only scores of the same rows can be compared."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from plait import digests
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset, Part, read_part
from plait.workspace import Outputs

if TYPE_CHECKING:
    import pandas as pd


def rows_digest(resolved: Resolved, rows: "pd.DataFrame") -> str:
    """A digest of rows that two runs share if both were asked the same.

    That is: the same rows of the same files, with the same right answers, which count alike,
    whatever else of their data differs, such as how many rows are trained on.

    :param rows: columns ``row``, the numbers of the rows, and ``truth``; more columns count by
        their names alone.
    """
    described = [resolved.choice("data"), resolved["files"], list(rows)]
    weight = resolved.settings("data").get("weight")
    if weight is not None:
        described.append(weight)
    pieces = [json.dumps(described).encode()]
    for name in ("row", "truth"):
        values = rows[name]
        text = values.dtype == object or values.dtype == "str"
        # A list comes back from Parquet as an array.
        pieces.append(
            json.dumps(values.tolist(), default=list).encode()
            if text
            else values.to_numpy().tobytes()
        )
    return digests.of_pieces(pieces, digests.LONG)


def tested_rows_digest(resolved: Resolved, outputs: Outputs) -> str:
    """`rows_digest` of the test part, as its predictions name it."""
    import pandas as pd

    return rows_digest(
        resolved, tested(pd.read_parquet(outputs["evaluation"] / "predictions.parquet"))
    )


def rows_of_part(folder: Path, part: Part) -> "pd.DataFrame | None":
    """The rows of a part as `rows_digest` takes them; None where there are none."""
    frame = read_part(folder, part)
    if frame is None or frame.empty:
        return None
    targets = Dataset.read(folder).names("target")
    if len(targets) == 1:
        return frame[["row", *targets]].rename(columns={targets[0]: "truth"})
    rows = frame[["row"]].copy()
    rows["truth"] = [json.dumps(values, default=str) for values in frame[targets].values.tolist()]
    return rows


def tested(predictions: "pd.DataFrame") -> "pd.DataFrame":
    """The test rows: of predictions, what was asked, and a column a class."""
    classes = [name for name in predictions if str(name).startswith("probability_")]
    return predictions[["row", "truth", *classes]]
