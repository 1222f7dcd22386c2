"""Labelled texts: the user's own and the real sets, what is checked and what is left out."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from checkouts import ROOT
from plait.config.files import digest_of
from plait.config.levels import read_yaml
from plait.config.registry import module_of, settings_of
from plait.contents import Contents
from plait.data.dataset import PARTS, Dataset, Source, read_part
from plait.data.write import write
from plait.errors import UserError
from plait.state import State

ROWS = [
    {"id": f"r{number}", "text": f"text number {number}", "label": "ab"[number % 2]}
    for number in range(40)
]


def settings(choice: str, **changes: Any) -> Any:
    values = read_yaml(ROOT / "conf" / "data" / f"{choice}.yaml")
    split = values["split"] | changes.pop("split", {})
    return settings_of("data", choice)(**{**values, **changes, "split": split})


def save(root: Path, rows: list[dict[str, Any]], name: str = "texts.csv") -> None:
    folder = root / "data" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if name.endswith("csv"):
        pd.DataFrame(rows).to_csv(path, index=False)
    elif name.endswith("parquet"):
        pd.DataFrame(rows).to_parquet(path)
    else:
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(root: Path, choice: str = "text_table", **changes: Any) -> Source:
    source: Source = module_of("data", choice).read(settings(choice, **changes), root)
    return source


def parts_of(source: Source) -> list[str]:
    return [PARTS[number] if number >= 0 else "none" for number in source.part_of_row]


@pytest.mark.parametrize("name", ["texts.csv", "texts.parquet", "texts.jsonl"])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = [*ROWS, {"id": "last", "text": 'with "quotes", a comma\nand 中文', "label": "a"}]
    save(tmp_path, rows, name)
    source = read(tmp_path, path=f"data/raw/{name}")
    (frame,) = source.chunks
    assert frame["text"].tolist() == [row["text"] for row in rows]
    assert frame["label"].tolist() == [row["label"] for row in rows]
    assert source.classes == ("a", "b")
    assert [column.role for column in source.columns] == ["text", "target"]
    dataset = write(source, "text_table", tmp_path / "out")
    assert Dataset.read(tmp_path / "out") == dataset
    test = read_part(tmp_path / "out", "test")
    assert test is not None
    assert len(test) == 8
    assert set(test["text"]) <= set(frame["text"])


def test_an_empty_text_stops_or_is_dropped(tmp_path: Path) -> None:
    save(tmp_path, [*ROWS, {"id": "e", "text": "  ", "label": "a"}])
    with pytest.raises(UserError, match=r"column 'text', row 40: the text is empty \(1 in all\)"):
        read(tmp_path)
    source = read(tmp_path, empty="drop")
    assert parts_of(source)[40] == "none"
    assert source.counts["rows_dropped"] == {"without text": 1}


def test_equal_texts_across_parts_are_counted_and_can_be_dropped(tmp_path: Path) -> None:
    words = ["train"] * 30 + ["test"] * 10
    rows = [row | {"part": word} for row, word in zip(ROWS, words, strict=True)]
    rows[35]["text"] = rows[3]["text"]
    rows[35]["label"] = rows[3]["label"]
    save(tmp_path, rows)
    by_column = {"by": "column", "column": "part"}
    kept = write(read(tmp_path, split=by_column), "text_table", tmp_path / "kept")
    assert kept.counts["duplicates_across_parts"] == 1
    source = read(tmp_path, split=by_column, duplicates="drop")
    assert parts_of(source)[35] == "none"
    dropped = write(source, "text_table", tmp_path / "dropped")
    assert dropped.counts["duplicates_across_parts"] == 0
    assert dropped.counts["rows_dropped"] == {"with a text of an earlier part": 1}


def test_equal_texts_with_different_labels_are_counted_too(tmp_path: Path) -> None:
    words = ["train"] * 30 + ["test"] * 10
    rows = [row | {"part": word} for row, word in zip(ROWS, words, strict=True)]
    rows[35]["text"] = rows[2]["text"]
    assert rows[35]["label"] != rows[2]["label"]
    save(tmp_path, rows)
    source = read(tmp_path, split={"by": "column", "column": "part"})
    assert source.counts["texts_in_an_earlier_part_too"] == 1


@pytest.mark.parametrize("name", ["texts.parquet", "texts.jsonl"])
def test_columns_that_are_not_used_may_hold_anything(tmp_path: Path, name: str) -> None:
    save(tmp_path, [row | {"meta": {"id": 1}, "tags": ["x"]} for row in ROWS], name)
    source = read(tmp_path, path=f"data/raw/{name}")
    (frame,) = source.chunks
    assert frame["text"].tolist() == [row["text"] for row in ROWS]
    with pytest.raises(UserError, match="'meta'"):
        read(tmp_path, path=f"data/raw/{name}", text="meta")


def test_a_line_of_json_ends_at_a_newline_alone(tmp_path: Path) -> None:
    rows = [*ROWS, {"id": "last", "text": "one\u2028two\u0085three", "label": "a"}]
    save(tmp_path, rows, "texts.jsonl")
    (frame,) = read(tmp_path, path="data/raw/texts.jsonl").chunks
    assert frame["text"].iloc[-1] == rows[-1]["text"]


def test_a_label_that_training_never_shows_is_named(tmp_path: Path) -> None:
    words = ["train"] * 30 + ["test"] * 10
    rows = [row | {"part": word} for row, word in zip(ROWS, words, strict=True)]
    rows[33]["label"] = "c"
    save(tmp_path, rows)
    with pytest.raises(UserError, match=r"row 33 \(test\): the label 'c' never stands in"):
        read(tmp_path, split={"by": "column", "column": "part"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": "body"}, "has no column 'body' (data.text)"),
        ({"label": "lable"}, "did you mean 'label'?"),
        (
            {"n_labelled": 100},
            "data.n_labelled: is 100, but data/raw/texts.csv has 28 training texts",
        ),
        ({"split": {"by": "time", "column": "id"}}, "holds neither dates nor numbers"),
    ],
)
def test_what_does_not_fit_the_file_is_said(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    save(tmp_path, ROWS)
    with pytest.raises(UserError) as error:
        read(tmp_path, **change)
    assert words in str(error.value)


def test_a_missing_label_is_named(tmp_path: Path) -> None:
    save(tmp_path, [*ROWS, {"id": "e", "text": "a text", "label": None}])
    with pytest.raises(UserError, match="column 'label', row 40: the label is missing"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("line", "words"),
    [("{oops", "line 41: is no JSON"), ("[1]", "is no JSON object"), ('{"text": [1]}', "a list")],
)
def test_a_broken_line_of_json_is_named(tmp_path: Path, line: str, words: str) -> None:
    save(tmp_path, ROWS, "texts.jsonl")
    path = tmp_path / "data/raw/texts.jsonl"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError) as error:
        read(tmp_path, path="data/raw/texts.jsonl")
    assert words in str(error.value)


def test_fewer_labels_have_every_class_and_stand_within_more(tmp_path: Path) -> None:
    rare = [
        {"id": f"c{number}", "text": f"a rare text {number}", "label": "c"} for number in range(4)
    ]
    save(tmp_path, [*ROWS, *rare])
    used = {}
    for labels in (4, 8, 20):
        source = read(tmp_path, n_labelled=labels)
        (frame,) = source.chunks
        train = source.part_of_row == 0
        used[labels] = set(frame["text"][train])
        assert len(used[labels]) == labels
        assert set(frame["label"][train]) == {"a", "b", "c"}
    assert used[4] < used[8] < used[20]
    assert read(tmp_path, n_labelled=8).counts["training_texts_not_used"] == 31 - 8
    with pytest.raises(UserError, match=r"each class of .* once takes 3"):
        read(tmp_path, n_labelled=2)


def test_a_number_can_be_predicted_from_texts(tmp_path: Path) -> None:
    save(tmp_path, [row | {"label": number / 2} for number, row in enumerate(ROWS)])
    source = read(tmp_path, task="regression", split={"by": "random"})
    assert source.classes == ()
    (frame,) = source.chunks
    assert frame["label"].dtype == "float64"


def test_reuters_has_its_official_parts() -> None:
    r8, r52 = (
        read(ROOT, "reuters"),
        read(ROOT, "reuters", subset="R52", split={"val": 0.0, "calibration": 0.1}),
    )
    assert [parts_of(r8).count(part) for part in PARTS] == [4937, 548, 2189, 0]
    assert len(r8.classes) == 8
    # Of R52 one text is blank.
    assert [parts_of(r52).count(part) for part in (*PARTS, "none")] == [5879, 0, 2568, 653, 1]
    assert len(r52.classes) == 52
    (frame,) = r8.chunks
    assert frame["text"][0].startswith("champion products ch approves stock split")
    assert frame["topic"][0] == "earn"
    assert "research" in r8.licence
    assert "Lewis" in r8.provenance["citation"]
    pinned = re.findall(r"[0-9a-f]{64} \((train|test)\)", r8.provenance["files"])
    assert pinned == ["train", "test"]


def test_reuters_can_be_read_from_the_users_own_files(tmp_path: Path) -> None:
    folder = tmp_path / "data/raw"
    folder.mkdir(parents=True)
    head = "Category\tText\nd\tstring\nclass\t\n"
    rows = [f"{'earn' if number % 2 else 'acq'}\ttext {number}\n" for number in range(20)]
    (folder / "train.tab").write_text(head + "".join(rows))
    (folder / "test.tab").write_text(head + "".join(rows[:4]))
    paths = ["data/raw/train.tab", "data/raw/test.tab"]
    source = read(tmp_path, "reuters", paths=paths, split={"val": 0.1})
    assert [parts_of(source).count(part) for part in PARTS] == [18, 2, 4, 0]
    assert source.provenance["origin"] == "data/raw/train.tab, data/raw/test.tab"
    # Files without Orange's two lines lose no text.
    for path in folder.iterdir():
        path.write_text(path.read_text().replace("d\tstring\nclass\t\n", ""))
    source = read(tmp_path, "reuters", paths=paths, split={"val": 0.1})
    assert [parts_of(source).count(part) for part in PARTS] == [18, 2, 4, 0]
    assert settings("reuters", paths=paths).files == tuple(paths)


@pytest.mark.parametrize(
    ("texts", "rows", "change"),
    [
        ("films", 10605, {}),
        ("tweets", 4200, {}),
        ("products", 3708, {"split": {"by": "group", "column": "document"}}),
        (
            "editorials",
            5190,
            {"split": {"by": "group", "column": "document"}, "neutral_threshold": 0.5},
        ),
    ],
)
def test_rated_sentiment_is_read_whole(texts: str, rows: int, change: dict[str, Any]) -> None:
    source = read(ROOT, "rated_sentiment", texts=texts, **change)
    (frame,) = source.chunks
    assert len(frame) == rows
    threshold = change.get("neutral_threshold")
    neutral = {"neutral"} if threshold else set()
    assert set(source.classes) == {"negative", "positive"} | neutral
    assert re.search(r"[0-9a-f]{64}", source.provenance["archive"])
    assert "MIT" in source.licence
    assert "Hutto" in source.provenance["citation"]
    used = frame[source.part_of_row >= 0]
    assert ((used["rating"] > (threshold or 0)) == (used["sentiment"] == "positive")).all()
    if "split" in change:
        parts = pd.Series(source.part_of_row)[source.part_of_row >= 0]
        assert parts.groupby(used["document"]).nunique().max() == 1


def test_sentences_of_one_document_must_stay_together() -> None:
    with pytest.raises(ValueError, match=r"split: \{by: group, column: document\}"):
        settings("rated_sentiment", texts="editorials")


def test_of_a_file_that_is_sorted_by_label_every_part_has_every_label(tmp_path: Path) -> None:
    save(tmp_path, sorted(ROWS, key=lambda row: str(row["label"])))
    source = read(tmp_path, split={"by": "random", "val": 0.2, "test": 0.2})
    (frame,) = source.chunks
    for part in range(3):
        assert set(frame["label"][source.part_of_row == part]) == {"a", "b"}


@pytest.mark.slow
def test_chinese_reviews_are_read_once_each() -> None:
    source = read(ROOT, "chinese_reviews")
    (frame,) = source.chunks
    # 47 more stand as good and as bad.
    assert frame["sentiment"].value_counts().to_dict() == {"negative": 9031, "positive": 8332}
    assert not frame["text"].duplicated().any()
    assert re.search(r"[0-9a-f]{64}", source.provenance["archive"])
    assert frame["text"].str.contains(r"[一-鿿]").mean() > 0.99
    assert source.classes == ("negative", "positive")
    assert source.facts["words"] == "none"


def test_a_set_of_the_datasets_library_is_loaded_from_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    folder = tmp_path / "data/raw/set"
    folder.mkdir(parents=True)
    for name, rows in (("train", ROWS[:30]), ("validation", ROWS[30:34]), ("test", ROWS[34:])):
        lines = [json.dumps(row) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    official = {"by": "column", "column": "split"}
    source = read(tmp_path, "hub", name="data/raw/set", split=official)
    assert [parts_of(source).count(part) for part in PARTS] == [30, 4, 6, 0]
    assert source.classes == ("a", "b")
    shutil.rmtree(folder)
    with pytest.raises(UserError, match=r"data\.name: data/raw/set can't be loaded"):
        read(tmp_path, "hub", name="data/raw/set", split=official)


def test_a_folder_is_another_when_one_of_its_files_is(tmp_path: Path) -> None:
    folder = tmp_path / "data/raw/set/more"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text("{}")
    contents = Contents(State(tmp_path / "state"))
    first = digest_of(contents, tmp_path, "data/raw/set", "name")
    assert digest_of(contents, tmp_path, "data/raw/set", "name") == first
    (folder / "a.jsonl").write_text("{ }")
    second = digest_of(contents, tmp_path, "data/raw/set", "name")
    (folder / "a.jsonl").rename(folder / "b.jsonl")
    assert len({first, second, digest_of(contents, tmp_path, "data/raw/set", "name")}) == 3


def test_a_set_on_the_hub_needs_a_commit() -> None:
    with pytest.raises(ValueError, match="set revision to a commit"):
        settings("hub", name="someone/something")
    with pytest.raises(ValueError, match="'main' is no commit, and branches and tags move"):
        settings("hub", name="someone/something", revision="main")
    assert settings("hub", name="someone/something", revision=40 * "0").revision == 40 * "0"
    with pytest.raises(ValueError, match="must lie under data/raw/"):
        settings("hub", name="data/raw/../../elsewhere")


def test_a_missing_label_of_a_set_with_named_classes_is_named(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "data/raw/set"
    folder.mkdir(parents=True)
    kinds = {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["a", "b"])}
    rows = {"text": [row["text"] for row in ROWS], "label": [0, 1] * 19 + [0, None]}
    made = datasets.Dataset.from_dict(rows, features=datasets.Features(kinds))
    made.to_parquet(folder / "train.parquet")
    with pytest.raises(UserError, match=r"column 'label', row 39: the label is missing"):
        read(tmp_path, "hub", name="data/raw/set")
