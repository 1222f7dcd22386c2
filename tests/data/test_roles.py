"""Columns of texts and of files: written, described and read back."""

from pathlib import Path

import numpy as np
import pandas as pd

from plait.data.dataset import Column, Dataset, Source, read_part
from plait.data.write import write


def test_texts_and_files_pass_through_with_their_roles(tmp_path: Path) -> None:
    rows = 10
    frame = pd.DataFrame(
        {
            "headline": [f"Profits rose by {row} per cent: “very well”" for row in range(rows)],
            "picture": [f"pictures/{row}.png" for row in range(rows)],
            "topic": ["earnings", "trade"] * (rows // 2),
        }
    )
    source = Source(
        task="classification",
        columns=(
            Column("headline", "text", "text"),
            Column("picture", "file", "file"),
            Column("topic", "target", "category"),
        ),
        part_of_row=np.array([0] * 6 + [2] * 4, dtype=np.int8),
        chunks=[frame],
        provenance={"name": "headlines"},
        licence="CC0-1.0",
        classes=("earnings", "trade"),
    )
    written = write(source, "headlines", tmp_path / "data")
    read = Dataset.read(tmp_path / "data")
    assert read == written
    assert read.names("text") == ["headline"]
    assert read.names("file") == ["picture"]
    assert read.features == ()
    test = read_part(tmp_path / "data", "test")
    assert test is not None
    assert test["headline"].tolist() == frame["headline"].tolist()[6:]
    assert test["picture"].tolist() == frame["picture"].tolist()[6:]
