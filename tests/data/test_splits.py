import numpy as np
import pandas as pd
import pytest

from plait.data.splits import Split, assign
from plait.errors import UserError


def split(by, *, val=0.0, test=0.2, calibration=0.0, column=None, gap=0):
    if column is None and by in ("time", "group", "column"):
        column = "c"
    return Split(
        by=by,
        val=val,
        test=test,
        calibration=calibration,
        column=column,
        gap=gap,
        folds=None,
        repeats=1,
    )


def sizes(parts):
    return [int((parts == number).sum()) for number in (0, 1, 2)]


WAYS = {
    "random": ({}, "101020000122"),
    "stratified": ({"labels": pd.Series(list("aaaaaaaabbbb"))}, "200201010102"),
    "group": ({"groups": np.arange(12) // 2}, "110000000022"),
    "time": ({"times": np.arange(12)[::-1]}, "222-111-100000"),
}
"""What a split goes by, and the parts that it gave before there was a calibration part."""


@pytest.mark.parametrize("by", WAYS)
def test_without_a_calibration_part_the_same_rows_go_to_the_same_parts_as_ever(by):
    given, parts = WAYS[by]
    gap = 1 if by == "time" else 0
    found = assign(split(by, val=0.25, test=0.25, gap=gap), 12, seed=3, **given)
    assert "".join(map(str, found)) == parts


@pytest.mark.parametrize("by", ["random", "stratified", "group"])
def test_a_calibration_part_is_taken_from_training_alone(by):
    labels = {
        "stratified": {"labels": np.arange(300) % 7},
        "group": {"groups": np.arange(300) // 3},
    }
    given = labels.get(by, {})
    without = assign(split(by, val=0.1, test=0.2), 300, seed=5, **given)
    parts = assign(split(by, val=0.1, test=0.2, calibration=0.2), 300, seed=5, **given)
    assert (parts == 3).sum() == 60
    assert (without[parts == 3] == 0).all()
    assert (without == np.where(parts == 3, 0, parts)).all()


def test_by_time_calibration_comes_between_validation_and_test_with_gaps_around():
    times = np.arange(100)
    parts = assign(
        split("time", val=0.1, test=0.2, calibration=0.2, gap=2), 100, seed=0, times=times
    )
    ends = {part: (times[parts == part].min(), times[parts == part].max()) for part in range(4)}
    assert ends == {0: (0, 47), 1: (50, 57), 3: (60, 77), 2: (80, 99)}
    assert (parts == -1).sum() == 6


def test_a_column_may_say_calibration():
    words = pd.Series(["train", "calibration", "test", "none"])
    assert assign(split("column"), 4, seed=0, column=words).tolist() == [0, 3, 2, -1]


def test_shares_that_leave_nothing_for_training_are_refused_with_the_calibration_part_named():
    with pytest.raises(ValueError, match=r"val 0.3 \+ test 0.4 \+ calibration 0.3 leaves no rows"):
        split("random", val=0.3, test=0.4, calibration=0.3)


def test_random_sizes_are_exact():
    for rows in (10, 101, 1000, 1003):
        parts = assign(split("random", val=0.15, test=0.2), rows, seed=0)
        val, test = round(0.15 * rows), round(0.2 * rows)
        assert sizes(parts) == [rows - val - test, val, test]
        assert parts.dtype == np.int8


def test_the_same_seed_gives_the_same_parts_and_another_seed_others():
    first, again, other = (assign(split("random"), 200, seed=seed) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_a_random_split_is_no_fixed_order():
    parts = assign(split("random", test=0.5), 1000, seed=1)
    assert 200 < sizes(parts[:500])[2] < 300


def test_stratified_sizes_are_exact_and_shares_equal():
    labels = pd.Series(["a"] * 500 + ["b"] * 301 + ["c"] * 200)
    parts = assign(split("stratified", val=0.1, test=0.2), len(labels), seed=0, labels=labels)
    assert sizes(parts) == [701, 100, 200]
    for label, count in labels.value_counts().items():
        held = sizes(parts[labels == label])
        assert abs(held[2] - 0.2 * count) <= 1
        assert abs(held[1] - 0.1 * count) <= 1


def test_a_numeric_target_is_stratified_by_its_tenths():
    target = pd.Series(np.random.default_rng(0).standard_normal(1000))
    parts = assign(split("stratified"), 1000, seed=0, labels=target)
    tenth = pd.qcut(target, 10, labels=False)
    assert all(sizes(parts[tenth == number])[2] == 20 for number in range(10))


def test_no_group_straddles_parts_and_sizes_are_near():
    rng = np.random.default_rng(0)
    groups = pd.Series(rng.integers(0, 90, 1000)).astype(str)
    parts = assign(split("group", val=0.1, test=0.2), 1000, seed=0, groups=groups)
    assert pd.Series(parts).groupby(groups).nunique().max() == 1
    _, val, test = sizes(parts)
    assert abs(val - 100) <= 15
    assert abs(test - 200) <= 15


def test_a_split_by_time_puts_the_latest_last_with_a_gap_between():
    times = pd.Series(pd.date_range("2020-01-01", periods=100)).sample(frac=1, random_state=0)
    parts = assign(split("time", val=0.1, test=0.2, gap=5), 100, seed=0, times=times)
    assert sizes(parts) == [65, 5, 20]
    assert (parts == -1).sum() == 10
    first_test = times[parts == 2].min()
    assert times[parts == 1].max() < first_test - pd.Timedelta(days=5)
    assert times[parts == 0].max() < times[parts == 1].min() - pd.Timedelta(days=5)


def test_rows_of_one_time_stay_together():
    times = np.repeat(np.arange(50), 4)
    parts = assign(split("time", gap=3), 200, seed=0, times=times)
    assert sizes(parts) == [37 * 4, 0, 10 * 4]
    assert pd.Series(parts).groupby(times).nunique().max() == 1


def test_a_column_says_the_parts():
    words = pd.Series(["train", "none", "test", "val", "train"])
    parts = assign(split("column"), 5, seed=0, column=words)
    assert parts.tolist() == [0, -1, 2, 1, 0]


def test_a_word_that_names_no_part_is_named_with_its_row():
    words = pd.Series(["train", "tset"], index=[7, 9])
    with pytest.raises(
        UserError, match=r"column 'c', row 9: 'tset' .* train, val, test, calibration, none"
    ):
        assign(split("column"), 2, seed=0, column=words)


@pytest.mark.parametrize(
    ("settings", "rows", "given", "part"),
    [
        (split("random", test=0.2), 2, {}, "test"),
        (split("random", val=0.1, test=0.5), 4, {}, "val"),
        (split("random", test=0.9), 3, {}, "train"),
        (split("stratified", test=0.1), 3, {"labels": pd.Series(list("aab"))}, "test"),
        (split("group", test=0.2), 9, {"groups": pd.Series(["one"] * 9)}, "test"),
        (split("time", test=0.2), 9, {"times": np.zeros(9)}, "test"),
        (split("time", test=0.2, gap=80), 100, {"times": np.arange(100)}, "train"),
        (split("column"), 2, {"column": pd.Series(["train", "val"])}, "test"),
        (split("column"), 2, {"column": pd.Series(["test", "val"])}, "train"),
    ],
)
def test_an_empty_part_is_refused(settings, rows, given, part):
    with pytest.raises(UserError, match=part):
        assign(settings, rows, seed=0, **given)
