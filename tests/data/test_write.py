import io
import json
import sys

import numpy as np
import pandas as pd
import pytest

from plait.data import leakage
from plait.data.dataset import Column, Dataset, Source, read_part
from plait.data.sources import synthetic
from plait.data.write import write
from plait.errors import UserError

COLUMNS = (
    Column("x", "feature", "number", "m"),
    Column("day", "feature", "date"),
    Column("city", "feature", "category"),
    Column("note", "extra", "number"),
    Column("y", "target", "category"),
)


def frame(rows=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.standard_normal(rows),
            "day": pd.Series(pd.date_range("2020-01-01", periods=rows)).astype("datetime64[us]"),
            "city": pd.Series(rng.choice(["Bonn", 'Köln, "am Rhein"'], rows), dtype="str"),
            "note": rng.standard_normal(rows),
            "y": pd.Series(rng.choice(["no", "yes"], rows), dtype="str"),
        }
    )


def source(data, parts=None, chunk=None, **changes):
    parts = np.arange(len(data)) % 4 - 1 if parts is None else np.asarray(parts)
    chunk = chunk or len(data)
    given = {
        "task": "classification",
        "columns": COLUMNS,
        "part_of_row": parts.astype(np.int8),
        "chunks": [data[start : start + chunk] for start in range(0, len(data), chunk)],
        "provenance": {"name": "made up"},
        "licence": "none",
        "classes": ("no", "yes"),
    }
    return Source(**{**given, **changes})


def test_what_is_written_is_what_the_source_gave(tmp_path):
    data = frame()
    dataset = write(source(data, chunk=7, facts={"known": 1}), "mine", tmp_path)
    assert Dataset.read(tmp_path) == dataset
    assert dataset.source == "mine"
    assert dataset.columns == (Column("row", "index", "number"), *COLUMNS)
    assert dataset.target == "y"
    assert dataset.facts == {"known": 1}
    for number, part in enumerate(("train", "val", "test")):
        read = read_part(tmp_path, part)
        expected = data[np.arange(60) % 4 - 1 == number]
        assert read["row"].tolist() == expected.index.tolist()
        pd.testing.assert_frame_equal(read.drop(columns="row"), expected.reset_index(drop=True))
        assert dataset.parts[part]["rows"] == 15
    assert dataset.counts["rows"] == 60
    assert dataset.counts["rows_in_no_part"] == 15


def test_a_second_writing_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        write(source(frame()), "mine", tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["dataset.json", "test.parquet", "train.parquet", "val.parquet"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.slow
def test_digests_are_of_the_contents_and_not_of_chunks_or_files(tmp_path):
    digests = {write(source(frame(), chunk=chunk), "mine", tmp_path).digest for chunk in (1, 7, 60)}
    assert len(digests) == 1


@pytest.mark.parametrize("column", ["x", "day", "city", "note", "y"])
def test_a_change_of_any_one_value_changes_the_digest_of_its_part_alone(column, tmp_path):
    before = write(source(frame()), "mine", tmp_path)
    data = frame()
    other = data[column][data[column] != data[column][1]].iloc[0]
    data.loc[1, column] = other
    after = write(source(data), "mine", tmp_path)
    changed = [part for part in before.parts if before.parts[part] != after.parts[part]]
    assert changed == ["train"]
    assert after.digest != before.digest


def test_texts_that_join_alike_have_different_digests(tmp_path):
    digests = set()
    for texts in (["a", "b", "c"], ["a,", "b", "c"], ['a", "b', "b", "c"], ["a", "bc", "c"]):
        data = frame(3).assign(city=pd.Series(texts, dtype="str"))
        digests.add(write(source(data, parts=[0, 0, 2]), "mine", tmp_path).digest)
    assert len(digests) == 4


def test_parts_that_are_gone_leave_no_file(tmp_path):
    write(source(frame()), "mine", tmp_path)
    dataset = write(source(frame(), parts=np.arange(60) % 2 * 2), "mine", tmp_path)
    assert sorted(dataset.parts) == ["test", "train"]
    assert not (tmp_path / "val.parquet").exists()


def failing():
    yield frame(30)
    raise UserError("the source broke")


def test_an_error_leaves_the_folder_as_it_was(tmp_path):
    write(source(frame()), "mine", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match="the source broke"):
        write(source(frame(), chunks=failing()), "mine", tmp_path)
    bad = frame()
    bad.loc[41, "x"] = np.inf
    with pytest.raises(UserError):
        write(source(bad, chunk=5), "mine", tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_error_in_a_new_folder_leaves_no_file(tmp_path):
    with pytest.raises(UserError):
        write(source(frame(), chunks=failing()), "mine", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_replacement_is_never_taken_for_a_whole_one(tmp_path, monkeypatch):
    write(source(frame()), "mine", tmp_path)

    def refuse(*paths):
        raise OSError("disk full")

    monkeypatch.setattr("plait.data.write.os.replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write(source(frame()), "mine", tmp_path)
    assert not (tmp_path / "dataset.json").exists()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("x", np.inf, "column 'x', row 41: inf is infinite"),
        ("x", -np.inf, "column 'x', row 41: -inf is infinite"),
        ("x", np.nan, "column 'x', row 41: a value is missing"),
        ("city", None, "column 'city', row 41: a value is missing"),
        ("day", None, "column 'day', row 41: a value is missing"),
        ("y", "maybe", r"column 'y', row 41: 'maybe' is none of \['no', 'yes'\]"),
    ],
)
def test_a_bad_value_is_named_with_column_and_row(column, value, message, tmp_path):
    data = frame()
    data.loc[41, column] = value
    with pytest.raises(UserError, match=f"data source 'mine', {message}"):
        write(source(data, chunk=9), "mine", tmp_path)


def test_a_bad_value_in_a_row_of_no_part_does_not_matter(tmp_path):
    data = frame()
    data.loc[40, "x"] = np.nan
    assert write(source(data), "mine", tmp_path).counts["rows_in_no_part"] == 15


def test_missing_values_are_kept_where_they_are_declared(tmp_path):
    data = frame()
    data.loc[41, "city"] = None
    declared = {"missing": {"city": 1}, "missing_are": "imputed"}
    write(source(data, counts=declared), "mine", tmp_path)
    train = read_part(tmp_path, "train")
    assert train["city"].isna().sum() == 1
    with pytest.raises(UserError, match="column 'city', row 41"):
        write(source(data, counts={**declared, "missing_are": "dropped"}), "mine", tmp_path)


def test_a_column_of_another_type_or_none_is_named(tmp_path):
    with pytest.raises(UserError, match=r"column 'x'.*float64.*int64"):
        write(source(frame().assign(x=1)), "mine", tmp_path)
    with pytest.raises(UserError, match="column 'x' is declared but not among"):
        write(source(frame().drop(columns="x")), "mine", tmp_path)


def test_the_name_row_is_refused(tmp_path):
    columns = (*COLUMNS, Column("row", "feature", "number"))
    with pytest.raises(UserError, match=r"named 'row'.*rename or drop"):
        write(source(frame().assign(row=1.0), columns=columns), "mine", tmp_path)


@pytest.mark.parametrize("rows", [59, 61])
def test_more_or_fewer_rows_than_parts_is_a_broken_source(rows, tmp_path):
    with pytest.raises(AssertionError, match="rows"):
        write(source(frame(), chunks=[frame(rows)]), "mine", tmp_path)


def test_equal_content_across_parts_is_counted(tmp_path):
    data = frame()
    parts = np.repeat([0, 1, 2], 20)
    content = ["x", "day", "city", "y"]
    data.loc[[21, 22], content] = data.loc[[3, 3], content].to_numpy()  # two of val in train
    data.loc[41, content] = data.loc[3, content].to_numpy()  # one of test in both
    data.loc[42, content] = data.loc[25, content].to_numpy()  # one of test in val
    data.loc[5, content] = data.loc[4, content].to_numpy()  # within train: not across
    data = data.astype(frame().dtypes)
    for chunk in (7, 60):
        counts = write(source(data, parts=parts, chunk=chunk), "mine", tmp_path).counts
        assert counts["duplicates_across_parts"] == 4
    data.loc[42, "y"] = "yes" if data.loc[42, "y"] == "no" else "no"
    counts = write(source(data, parts=parts), "mine", tmp_path).counts
    assert counts["duplicates_across_parts"] == 3


def test_zero_and_minus_zero_are_equal_content(tmp_path):
    data = pd.concat([frame(1)] * 2, ignore_index=True).assign(x=[0.0, -0.0])
    counts = write(source(data, parts=[0, 2]), "mine", tmp_path).counts
    assert counts["duplicates_across_parts"] == 1


def test_a_row_in_two_parts_is_found(tmp_path):
    write(source(frame()), "mine", tmp_path)
    train, test = tmp_path / "train.parquet", tmp_path / "test.parquet"
    leakage.refuse_shared_rows([train, test], 60)
    planted = read_part(tmp_path, "test")
    planted.loc[3, "row"] = 1
    planted.sort_values("row").to_parquet(test)
    with pytest.raises(AssertionError, match="row 1 stands in two parts"):
        leakage.refuse_shared_rows([train, test], 60)


def test_a_row_twice_in_a_part_is_found(tmp_path):
    path = tmp_path / "train.parquet"
    pd.DataFrame({"row": [0, 1, 1]}).to_parquet(path)
    with pytest.raises(AssertionError, match="train"):
        leakage.refuse_shared_rows([path], 3)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_shows_on_a_terminal_and_is_quiet_in_a_pipe(tmp_path, monkeypatch, settings_for):
    settings = settings_for("synthetic", samples=2 * synthetic.BLOCK)
    for stream, shown in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        write(synthetic.read(settings, tmp_path), "synthetic", tmp_path)
        assert ("of 65,536 rows (50%)" in stream.getvalue()) == shown
        assert stream.getvalue().endswith("rows (100%)\n") == shown


def test_dataset_json_names_no_path_of_this_machine_and_is_plain_json(tmp_path):
    write(source(frame()), "mine", tmp_path)
    text = (tmp_path / "dataset.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert len(json.loads(text)["digest"]) == 32
