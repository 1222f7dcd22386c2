"""Folds: who learns from what, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from plait.data.dataset import Column, Dataset, Role, Source, Type
from plait.data.folds import HELD_OUT, Folds, divide, read_folds
from plait.data.splits import Split
from plait.data.write import write
from plait.errors import UserError


def split(by: str, folds: int | None = 5, **changes: Any) -> Split:
    column = "c" if by in ("time", "group", "column") else None
    values = {
        **{"val": 0.0, "test": 0.2, "calibration": 0.0},
        **{"column": column, "gap": 0, "repeats": 1},
    }
    return Split(**{"by": by, "folds": folds, **values, **changes})


def divided(by: str, seed: int = 0, folds: int = 5, **changes: Any) -> Folds:
    """Of rows with a target ``y`` and, where the way needs one, a column ``c``."""
    target: Any = changes.pop("y", np.arange(23.0))
    frame = pd.DataFrame({"y": target})
    number = frame["y"].dtype.kind == "f"
    kind: Type = "number" if number else changes.pop("kind", "category")
    task = {"number": "regression", "category": "classification", "labels": "multilabel"}[kind]
    columns = [Column("y", "target", kind)]
    roles: dict[str, Role] = {"time": "time", "group": "group"}
    if "c" in changes:
        frame["c"] = changes.pop("c")
        columns.append(Column("c", roles[by], "number"))
    classes = () if number else tuple(sorted(set(target)))
    dataset = Dataset("planted", task, tuple(columns), classes, {}, "", {}, "", {}, {})
    return divide(split(by, folds, **changes), seed, dataset, frame)


@pytest.mark.parametrize("by", ["random", "stratified", "group"])
@pytest.mark.parametrize("repeats", [1, 3])
def test_each_row_is_held_out_once_a_repeat_and_learnt_from_otherwise(
    by: str, repeats: int
) -> None:
    more = {"c": np.arange(23) // 2} if by == "group" else {}
    folds = divided(by, repeats=repeats, **more)
    assert len(folds) == 5 * repeats
    for repeat in range(repeats):
        held = np.array([folds.held_out(5 * repeat + fold) for fold in range(5)])
        assert (held.sum(axis=0) == 1).all()
        learnt = np.array([folds.learnt(5 * repeat + fold) for fold in range(5)])
        assert (learnt == ~held).all()
        sizes = held.sum(axis=1)
        assert sizes.max() - sizes.min() <= (2 if by == "group" else 1)
    if repeats > 1:
        assert (folds.roles[:5] != folds.roles[5:10]).any()
        assert folds.title(7) == "fold 3 of 5, repeat 2 of 3"


def test_the_same_seed_gives_the_same_folds_and_another_seed_others() -> None:
    first, again, other = (divided("random", seed).roles for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_stratified_folds_have_equal_shares_of_each_class_or_tenth() -> None:
    classes = np.array(list("aaaaaaaaaaabbbbbbbbccccc"))
    folds = divided("stratified", y=classes)
    for name in "abc":
        counts = [int((folds.held_out(fold) & (classes == name)).sum()) for fold in range(5)]
        assert max(counts) - min(counts) <= 1
    tenths = divided("stratified", y=np.arange(100.0))
    for fold in range(5):
        assert (np.bincount(np.flatnonzero(tenths.held_out(fold)) // 10) == 2).all()


def test_groups_stay_whole() -> None:
    groups = np.arange(60) % 13
    folds = divided("group", y=np.arange(60.0), c=groups)
    for fold in range(5):
        held = set(groups[folds.held_out(fold)])
        assert held
        assert not held & set(groups[folds.learnt(fold)])


@pytest.mark.parametrize("gap", [0, 3])
def test_of_a_split_by_time_only_earlier_rows_train_a_later_fold(gap: int) -> None:
    times = np.random.default_rng(0).integers(0, 48, size=300)
    folds = divided("time", y=np.zeros(300), c=times, gap=gap)
    distinct = np.unique(times)
    latest = -1
    for fold in range(5):
        held, learnt = times[folds.held_out(fold)], times[folds.learnt(fold)]
        # The whole of what is earlier, but for the gap.
        first = int(np.searchsorted(distinct, held.min()))
        assert sorted(set(learnt)) == distinct[: first - gap].tolist()
        assert held.min() > latest
        latest = held.max()
    assert latest == times.max()


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"by": "random", "y": np.arange(3.0)}, "5 folds of 3 training rows"),
        (
            {"by": "group", "y": np.arange(8.0), "c": np.arange(8) % 4},
            "5 folds of 4 groups of 'c'; set it to at most 4",
        ),
        (
            {"by": "time", "y": np.arange(8.0), "c": np.arange(8) % 5},
            "5 distinct times of 'c' are too few for 5 folds",
        ),
        (
            {"by": "time", "y": np.arange(30.0), "c": np.arange(30), "gap": 5},
            "too few for 5 folds with a gap of 5",
        ),
        (
            {"by": "stratified", "y": list("aaaaaaaaabbb")},
            "5 folds, but 3 training rows of the class 'b'; set it to at most as many",
        ),
        (
            {"by": "random", "y": list("aaaaaaaaaaaab")},
            "the class 'b' never stands in what fold",
        ),
        (
            {"by": "time", "y": list("aaaaaaaaaabb"), "c": np.arange(12)},
            r"the class 'b' never stands in what fold 1 of 5 \(and 4 more\) learns from",
        ),
        ({"by": "group"}, "data=planted has no column of groups"),
    ],
)
def test_too_few_for_the_folds_is_refused_with_what_to_set(case: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        divided(**case)
    assert str(error.value).startswith("data.split.folds: ")


def test_all_that_there_is_too_little_of_is_said_at_once() -> None:
    with pytest.raises(UserError) as error:
        divided("stratified", y=list("aaaaaaaaabbbcc"))
    head, *lines = str(error.value).splitlines()
    assert head == "data.split.folds: 2 things are wrong:"
    assert [line.split("class ")[1][:3] for line in lines] == ["'b'", "'c'"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"by": "column"}, "names no folds; set folds: null"),
        ({"by": "random", "folds": None, "repeats": 2}, "set repeats: 1"),
        ({"by": "time", "repeats": 2}, "set repeats: 1"),
        ({"by": "random", "folds": 1}, "greater than or equal to 2"),
    ],
)
def test_what_no_folds_can_be_made_of_is_refused_before(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        split(**changes)


def source(rows: int = 40) -> Source:
    return Source(
        task="regression",
        columns=(Column("x", "feature", "number"), Column("y", "target", "number")),
        part_of_row=(np.arange(rows) % 4 == 3).astype(np.int8) * 2,
        chunks=[pd.DataFrame({"x": np.arange(rows) * 1.5, "y": np.arange(rows) * 2.5})],
        provenance={},
        licence="",
    )


def test_folds_are_kept_beside_the_parts_and_count_in_the_digest(tmp_path: Path) -> None:
    without = write(source(), "planted", tmp_path / "without")
    assert read_folds(tmp_path / "without") is None

    def dividing(dataset: Dataset, train: pd.DataFrame) -> Folds:
        return divide(split("random", 3, repeats=2), 0, dataset, train)

    folder = tmp_path / "data"
    divided_set = write(source(), "planted", folder, dividing)
    assert divided_set.parts == without.parts
    assert divided_set.digest != without.digest
    folds = read_folds(folder)
    assert folds is not None
    assert (len(folds), folds.number, folds.repeats) == (6, 3, 2)
    assert folds.roles.shape == (6, 30)
    assert ((folds.roles == HELD_OUT).sum(axis=0) == 2).all()
    assert write(source(), "planted", folder, dividing).digest == divided_set.digest
    write(source(), "planted", folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in (tmp_path / "without").iterdir()
    )
    assert (folder / "dataset.json").read_bytes() == (
        tmp_path / "without" / "dataset.json"
    ).read_bytes()


def test_what_is_refused_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    write(source(), "planted", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match="31 folds of 30 training rows"):
        write(source(), "planted", tmp_path, lambda *of: divide(split("random", 31), 0, *of))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
