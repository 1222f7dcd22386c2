import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plait.data.dataset import Dataset, read_part
from plait.data.sources import synthetic
from plait.data.write import write

ROOT = Path(__file__).parents[2]


def rows(settings):
    return pd.concat(list(synthetic.blocks(settings)), ignore_index=True)


def test_the_target_is_the_linear_model_with_noise_of_the_stated_deviation(settings_for):
    settings = settings_for("synthetic", samples=20_000, bias=3.0, noise=0.5)
    data = rows(settings)
    exact = data[[f"x{j}" for j in range(4)]].to_numpy() @ synthetic.coefficients(settings) + 3.0
    noise = data["y"] - exact
    assert noise.std() == pytest.approx(0.5, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert data["x0"].std() == pytest.approx(1, rel=0.03)


def test_coefficients_are_those_of_the_classic_model(settings_for):
    weights = synthetic.coefficients(settings_for("synthetic", features=50, informative=20))
    assert (weights == 0).sum() == 30
    assert ((weights > 0) & (weights < 100)).sum() == 20
    assert weights.max() > 80


def test_without_noise_the_truth_is_recovered(settings_for):
    settings = settings_for("synthetic", noise=0.0, features=6, informative=3, bias=-2.0)
    data = rows(settings)
    design = np.column_stack([data[[f"x{j}" for j in range(6)]], np.ones(len(data))])
    solved = np.linalg.lstsq(design, data["y"].to_numpy())[0]
    np.testing.assert_allclose(solved[:-1], synthetic.coefficients(settings), atol=1e-9)
    assert solved[-1] == pytest.approx(-2)


def test_rows_depend_on_the_seed_alone_and_not_on_how_many_follow(settings_for):
    few = rows(settings_for("synthetic"))
    many = rows(settings_for("synthetic", samples=2 * synthetic.BLOCK + 7))
    assert len(many) == 2 * synthetic.BLOCK + 7
    pd.testing.assert_frame_equal(few, many.head(1000), check_exact=True)
    assert not few.equals(rows(settings_for("synthetic", seed=1)))
    louder = rows(settings_for("synthetic", noise=9.0))
    assert louder["x2"].equals(few["x2"])
    assert not louder["y"].equals(few["y"])


def test_blocks_differ_from_each_other(settings_for):
    many = rows(settings_for("synthetic", samples=2 * synthetic.BLOCK))
    assert not np.isin(many["x0"][: synthetic.BLOCK], many["x0"][synthetic.BLOCK :]).any()


def test_the_default_is_800_and_200_rows_with_the_truth_beside(settings_for, tmp_path):
    settings = settings_for("synthetic")
    write(synthetic.read(settings, tmp_path), "synthetic", tmp_path)
    dataset = Dataset.read(tmp_path)
    assert {part: of["rows"] for part, of in dataset.parts.items()} == {"train": 800, "test": 200}
    assert dataset.facts["noise_std"] == 0.1
    assert dataset.facts["bias"] == 0.0
    truth = synthetic.coefficients(settings)
    assert list(dataset.facts["coefficients"].values()) == truth.tolist()
    test = read_part(tmp_path, "test")
    assert list(test) == ["row", "x0", "x1", "x2", "x3", "y"]
    assert (test.dtypes[1:] == "float64").all()
    assert read_part(tmp_path, "val") is None


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(3_000_000, marks=pytest.mark.slow),
        pytest.param(10_000_000, marks=pytest.mark.nightly),
    ],
)
def test_millions_of_rows_of_twenty_features_need_at_most_300_megabytes(rows):
    """Held whole, three million rows alone are 504 MB."""
    script = ROOT / "benchmarks" / "synthetic_memory.py"
    done = subprocess.run(
        [sys.executable, script, str(rows), "20"], check=True, capture_output=True, text=True
    )
    result = json.loads(done.stdout)
    assert result["rows"] == rows
    assert result["features"] == 20
    assert result["peak_mb"] <= 300
    assert done.stderr == ""
