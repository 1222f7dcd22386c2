import pytest

from plait.data.dataset import read_part
from plait.data.sources import builtin
from plait.data.write import write


@pytest.mark.parametrize(
    ("name", "task", "rows", "features", "classes"),
    [
        ("diabetes", "regression", 442, 10, 0),
        ("breast_cancer", "classification", 569, 30, 2),
        ("wine", "classification", 178, 13, 3),
        ("digits", "classification", 1797, 64, 10),
    ],
)
def test_a_set_is_whole_and_its_parts_have_exact_sizes(
    name, task, rows, features, classes, settings_for, tmp_path
):
    settings = settings_for("builtin", name=name, split={"val": 0.1})
    assert settings.task == task
    dataset = write(builtin.read(settings, tmp_path), "builtin", tmp_path)
    assert dataset.task == task
    assert len(dataset.features) == features
    assert len(dataset.classes) == classes
    sizes = {part: of["rows"] for part, of in dataset.parts.items()}
    val, test = round(0.1 * rows), round(0.2 * rows)
    assert sizes == {"train": rows - val - test, "val": val, "test": test}
    assert dataset.provenance["citation"]
    assert dataset.provenance["version"].startswith("as in scikit-learn ")
    assert "BSD-3-Clause" in dataset.licence


def test_class_shares_are_equal_in_every_part(settings_for, tmp_path):
    write(builtin.read(settings_for("builtin"), tmp_path), "builtin", tmp_path)
    shares = [
        (read_part(tmp_path, part)["target"] == "benign").mean() for part in ("train", "test")
    ]
    assert shares[0] == pytest.approx(shares[1], abs=0.01)
    assert shares[0] > 0.6


def test_diabetes_is_in_raw_units_so_that_no_scaling_has_seen_the_test_part(settings_for, tmp_path):
    write(builtin.read(settings_for("builtin", name="diabetes"), tmp_path), "builtin", tmp_path)
    train = read_part(tmp_path, "train")
    assert 18 < train["age"].min() < train["age"].max() < 90
