"""Texts with several labels: how files say them, and what is made of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.test_texts import read, save
from plait.data.write import write
from plait.errors import UserError
from plait.tasks.label_sets import from_text, in_words, indicators, parse, rarest, sets_of, to_text

SETS = (["oil", "trade"], ["oil"], [], ["trade", "war"])
LISTS = [{"text": f"text number {n}", "label": SETS[n % 4]} for n in range(40)]
JOINED = [{**row, "label": "; ".join(row["label"])} for row in LISTS]


def test_a_set_has_one_form() -> None:
    assert to_text(["b", " a", "b", "", None]) == to_text(("a", "b")) == '["a", "b"]'
    assert from_text(to_text(["石油", 'a "b"'])) == ['a "b"', "石油"]
    for broken in ('{"a": 1}', "[1]", "oil"):
        with pytest.raises(ValueError, match=r"Expecting value|is no list of labels"):
            from_text(broken)


@pytest.mark.parametrize(
    ("said", "separator", "labels"),
    [
        ("oil;trade", ";", ["oil", "trade"]),
        (" trade | oil | | oil ", "|", ["oil", "trade"]),
        ('["trade", "oil"]', ";", ["oil", "trade"]),
        ("['oil', 'trade']", ";", ["oil", "trade"]),
        ('["oil", null]', ";", ["oil"]),
        ("[2, 1]", ";", ["1", "2"]),
        ("[sic]; oil", ";", ["[sic]", "oil"]),
        ("[sic]", ";", ["[sic]"]),
        (None, ";", []),
    ],
)
def test_labels_are_read_from_what_people_write(
    said: str | None, separator: str, labels: list[str]
) -> None:
    (found,) = parse(pd.Series([said], dtype="str"), separator, "a.csv")
    assert from_text(found) == labels


@pytest.mark.parametrize("said", ["['oil' 'trade']", "['oil', 'trade'", '["oil", trade]'])
def test_what_looks_like_a_list_and_is_none_is_refused(said: str) -> None:
    column = pd.Series(["oil", said], name="topics", dtype="str")
    with pytest.raises(UserError, match=r"a\.csv: column 'topics', row 1: .* is no list of labels"):
        parse(column, ";", "a.csv")


@pytest.mark.parametrize(
    ("name", "rows"), [("a.csv", JOINED), ("a.jsonl", LISTS), ("a.parquet", LISTS)]
)
def test_every_kind_of_file_gives_the_same_sets(
    tmp_path: Path, name: str, rows: list[dict[str, Any]]
) -> None:
    save(tmp_path, rows, name)
    source = read(tmp_path, path=f"data/raw/{name}", task="multilabel")
    (frame,) = source.chunks
    assert [from_text(text) for text in frame["label"]] == [sorted(row["label"]) for row in LISTS]
    assert source.classes == ("oil", "trade", "war")
    assert source.counts["texts_without_label"] == 10
    dataset = write(source, "text_table", tmp_path / "out")
    assert [column.type for column in dataset.columns] == ["number", "text", "labels"]


def test_a_set_of_the_datasets_library_has_them_as_lists(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "data/raw/set"
    names = ["oil", "trade", "war"]
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.List(datasets.ClassLabel(names=names)),
        }
    )
    rows = [{**row, "label": [names.index(label) for label in row["label"]]} for row in LISTS]
    rows[3]["label"] = None
    folder.mkdir(parents=True)
    datasets.disable_progress_bars()
    datasets.Dataset.from_list(rows, features=features).to_parquet(folder / "train.parquet")
    source = read(tmp_path, "hub", name="data/raw/set", task="multilabel")
    assert source.classes == ("oil", "trade", "war")
    (frame,) = source.chunks
    expected = [sorted(row["label"]) for row in LISTS]
    expected[3] = []
    assert [from_text(text) for text in frame["label"]] == expected


def test_lists_are_refused_where_a_text_has_one_label(tmp_path: Path) -> None:
    save(tmp_path, LISTS, "a.jsonl")
    with pytest.raises(UserError, match="'label' holds a list"):
        read(tmp_path, path="data/raw/a.jsonl")
    save(tmp_path, LISTS, "a.parquet")
    with pytest.raises(UserError, match="column 'label' holds list"):
        read(tmp_path, path="data/raw/a.parquet")


def test_a_rare_label_stands_in_every_part(tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "label": ["common"]} for n in range(200)]
    for n in range(0, 200, 20):
        rows[n] = {"text": f"text {n}", "label": ["common", "rare"]}
    save(tmp_path, rows, "a.jsonl")
    source = read(tmp_path, path="data/raw/a.jsonl", task="multilabel")
    has = np.array(["rare" in row["label"] for row in rows])
    assert [int((source.part_of_row[has] == part).sum()) for part in range(3)] == [7, 1, 2]


def test_the_rarest_label_of_a_set() -> None:
    column = pd.Series([to_text(labels) for labels in SETS])
    assert rarest(column).tolist() == ["oil", "oil", "", "war"]


def test_a_label_that_training_never_shows_is_named(tmp_path: Path) -> None:
    rows = [{**row, "part": ("train", "test")[n == 5]} for n, row in enumerate(LISTS)]
    rows[5]["label"] = ["oil", "odd"]
    save(tmp_path, rows, "a.jsonl")
    with pytest.raises(UserError, match=r"row 5 \(test\): the label 'odd' never stands in"):
        read(
            tmp_path,
            path="data/raw/a.jsonl",
            task="multilabel",
            split={"by": "column", "column": "part"},
        )


def test_fewer_labels_have_every_class_and_stand_within_more(tmp_path: Path) -> None:
    save(tmp_path, LISTS, "a.jsonl")
    used: dict[int, set[str]] = {}
    for labels in (3, 6, 12):
        source = read(tmp_path, path="data/raw/a.jsonl", task="multilabel", n_labelled=labels)
        (frame,) = source.chunks
        chosen = frame[source.part_of_row == 0]
        used[labels] = set(chosen["text"])
        assert len(chosen) == labels
        found = {label for text in chosen["label"] for label in json.loads(text)}
        assert found == {"oil", "trade", "war"}
    assert used[3] < used[6] < used[12]


@pytest.mark.parametrize(
    ("labels", "words"),
    [([[]] * 40, "no text has a label"), ([["oil"]] * 40, "a multilabel needs two")],
)
def test_too_few_labels_are_said(tmp_path: Path, labels: list[list[str]], words: str) -> None:
    rows = [{"text": f"text {n}", "label": label} for n, label in enumerate(labels)]
    save(tmp_path, rows, "a.jsonl")
    with pytest.raises(UserError, match=words):
        read(tmp_path, path="data/raw/a.jsonl", task="multilabel")


def test_indicators_and_words() -> None:
    column = pd.Series([to_text(labels) for labels in SETS], name="topics")
    found = indicators(column, ("oil", "trade", "war"))
    assert found.tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert sets_of(found, ("oil", "trade", "war")) == column.tolist()
    assert in_words(found, ("oil", "trade", "war")) == ["oil; trade", "oil", "", "trade; war"]
    with pytest.raises(UserError, match="column 'topics', row 3: 'war' is no label"):
        indicators(column, ("oil", "trade"))
