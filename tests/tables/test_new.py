"""From a file to an experiment, without an edit."""

import gzip
import io
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from checkouts import Checkout
from plait.config.compose import Project
from plait.config.levels import read_yaml
from plait.errors import UserError
from plait.json_types import Values
from plait.tables.new import Ask, inspect_file, new, on_terminal

SHIPPED = {
    "penguins": ("penguins.csv", "species", "classification", "stratified"),
    "titanic": ("titanic_all.csv", "survived", "classification", "stratified"),
    "shop": ("SampleSuperstore.csv.gz", "Profit", "regression", "random"),
}
"""By experiment: a file of the package bokeh-sampledata, its target, and what is made of it."""


def raw(checkout: Checkout, name: str, content: pd.DataFrame | bytes) -> str:
    path = checkout.root / "data/raw" / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.to_csv(path, index=False)
    return f"data/raw/{name}"


def sampledata(name: str) -> bytes:
    content = (files("bokeh_sampledata") / "_data" / name).read_bytes()
    return gzip.decompress(content) if name.endswith(".gz") else content


def make(
    checkout: Checkout,
    name: str,
    file: str,
    *,
    target: str | None = None,
    task: str | None = None,
    split: tuple[str, str | None] | None = None,
    drop: tuple[str, ...] = (),
    ask: Ask | None = None,
) -> list[str]:
    return new(checkout.root, name, file, target=target, task=task, split=split, drop=drop, ask=ask)


def data_of(checkout: Checkout, name: str) -> Values:
    return Project(checkout.root).compose(name).section("data")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_public_table_becomes_an_experiment_without_an_edit(
    checkout: Checkout, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    source, target, task, by = SHIPPED[name]
    file = raw(checkout, f"{name}.csv", sampledata(source))
    told = make(checkout, name, file, target=target)
    assert told[-1].endswith(f"listed {name} in params.yaml; next: dvc repro")
    section = data_of(checkout, name)
    split = section["split"]
    assert isinstance(split, dict)
    assert (section["target"], section["task"], split["by"]) == (target, task, by)
    assert list(read_yaml(checkout.root / "params.yaml")["experiments"])[-1] == name
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].startswith(f"{file}: ")
    if name == "titanic":
        assert "42.4%" in shown
        assert "left out: nearly every row has a value of its own; perhaps personal" in shown
    if name == "shop":
        assert "531 categories, each by the mean of its targets" in shown


@pytest.mark.slow
def test_two_commands_lead_to_a_report(checkout: Checkout) -> None:
    file = raw(checkout, "titanic.csv", sampledata("titanic_all.csv"))
    checkout.list_experiments({"least_squares": {"evaluation": {"resamples": 20}}})
    checkout.plait("new", "titanic", file, "--target", "survived", "--yes")
    checkout.run("dvc", "repro", "record@titanic")
    page = (checkout.root / "mlruns/reports/titanic.html").read_text(encoding="utf-8")
    assert "left out: nearly every row has a value of its own" in page
    assert "Unseen in test" in page


def shop_rows(number: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "customer": [f"c{each}" for each in rng.integers(0, 15, number)],
            "email": [f"c{each}@example.org" for each in range(number)],
            "amount": rng.normal(50, 9, number).round(2),
            "review": ["quick and friendly, would buy again", "came late, and broken too"]
            * (number // 2),
            "sold": rng.integers(0, 2, number),
        }
    )


def test_what_a_german_spreadsheet_writes_is_read(checkout: Checkout) -> None:
    table = shop_rows().assign(city=["Köln", "Bonn", "Zürich"] * 20)
    text = table.to_csv(index=False, sep=";", decimal=",").encode("cp1252")
    make(checkout, "german", raw(checkout, "german.csv", text), target="sold")
    form = data_of(checkout, "german")["format"]
    assert isinstance(form, dict)
    assert (form["separator"], form["encoding"], form["decimal"]) == (";", "cp1252", ",")
    written = (checkout.root / "conf/experiment/german.yaml").read_text(encoding="utf-8")
    assert "format: {separator: ;, encoding: cp1252, decimal: ','}  # as the file" in written


def test_of_enough_rows_some_are_held_out_to_choose_by(checkout: Checkout) -> None:
    many = shop_rows(240)
    many["day"] = pd.date_range("2024-01-01", periods=len(many)).astype("str")
    make(checkout, "many", raw(checkout, "many.csv", many), target="sold")
    split = data_of(checkout, "many")["split"]
    assert isinstance(split, dict)
    assert (split["by"], split["val"], split["test"]) == ("time", 0.15, 0.2)
    written = (checkout.root / "conf/experiment/many.yaml").read_text(encoding="utf-8")
    assert "comes later; val to choose models by\n" in written
    # Of few times none can be spared.
    few = many.assign(day=[f"2024-01-{1 + row % 12:02d}" for row in range(len(many))])
    file = raw(checkout, "few.csv", few)
    make(checkout, "few", file, target="sold", split=("time", "day"))
    split = data_of(checkout, "few")["split"]
    assert isinstance(split, dict)
    assert split["val"] == 0.0


def test_dates_suggest_a_split_by_time_and_entities_one_by_group(checkout: Checkout) -> None:
    dated = shop_rows().assign(day=pd.date_range("2024-01-01", periods=60).astype("str"))
    make(checkout, "dated", raw(checkout, "dated.csv", dated), target="sold")
    assert data_of(checkout, "dated")["split"] == {
        **{"by": "time", "val": 0.0, "test": 0.2, "column": "day", "gap": 0},
        **{"calibration": 0.0, "folds": None, "repeats": 1},
    }
    make(checkout, "grouped", raw(checkout, "grouped.csv", shop_rows()), target="sold")
    split = data_of(checkout, "grouped")["split"]
    assert isinstance(split, dict)
    assert (split["by"], split["column"]) == ("group", "customer")
    make(
        *(checkout, "asked", "data/raw/grouped.csv"),
        target="sold",
        task="regression",
        split=("random", None),
        drop=("email",),
    )
    section = data_of(checkout, "asked")
    assert (section["task"], section["drop"]) == ("regression", ["email"])


def test_leaks_personal_data_and_texts_are_named(checkout: Checkout) -> None:
    table = shop_rows().assign(
        outcome_text=lambda frame: np.where(frame["sold"] == 1, "won", "lost"),
        net=lambda frame: frame["amount"] / 1.19,
    )
    file = raw(checkout, "leaky.csv", table)
    remarks = {
        line.split()[0]: line for line in inspect_file(checkout.root, file, "sold").splitlines()[2:]
    }
    assert "tells the target in every row: a leak?" in remarks["outcome_text"]
    assert "personal data: e-mail addresses" in remarks["email"]
    assert "free text" in remarks["review"]
    assert "leak" not in remarks["amount"]
    by_amount = inspect_file(checkout.root, file, "amount")
    (net,) = (line for line in by_amount.splitlines() if line.startswith("net"))
    assert "tells the target" in net


def test_faulty_columns_are_all_shown_and_left_out(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    table = shop_rows().astype({"amount": "str"})
    table.loc[3, "amount"] = "much"
    table["share"] = ["10%", "0.2"] * 30
    make(checkout, "faulty", raw(checkout, "faulty.csv", table), target="sold")
    shown = capsys.readouterr().out
    assert "column 'amount', row 3: 'much' is not a number" in shown
    assert "column 'share' mixes numbers with % and without" in shown
    assert data_of(checkout, "faulty")["drop"] == ["amount", "share"]


def test_on_a_terminal_what_is_not_given_is_asked(checkout: Checkout) -> None:
    asked: list[tuple[str, str]] = []

    def ask(question: str, default: str) -> str:
        asked.append((question.partition(",")[0].partition(":")[0], default))
        return default

    make(checkout, "talked", raw(checkout, "talk.csv", shop_rows()), ask=ask)
    assert asked == [
        ("column to predict", "sold"),
        ("kind of target", "classification"),
        ("division of rows", "group customer"),
    ]
    section = data_of(checkout, "talked")
    assert section["target"] == "sold"


def test_without_an_answer_nothing_is_written(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    file = raw(checkout, "talk.csv", shop_rows())
    assert "no answer; give it by a flag" in refused(
        lambda: make(checkout, "talked", file, ask=on_terminal)
    )
    assert not (checkout.root / "conf/experiment/talked.yaml").exists()


def test_what_cannot_be_learnt_from_is_not_listed(checkout: Checkout) -> None:
    classes = pd.DataFrame({"a": range(60), "kind": [f"k{each}" for each in range(60)]})
    said = refused(
        lambda: make(checkout, "many", raw(checkout, "many.csv", classes), target="kind")
    )
    assert "never stands in the training part" in said
    dates = pd.DataFrame(
        {"m": pd.date_range("2024-01-01", periods=40).astype("str"), "y": range(40)}
    )
    said = refused(lambda: make(checkout, "many", raw(checkout, "dates.csv", dates), target="y"))
    assert "no column is left to learn from" in said
    assert not (checkout.root / "conf/experiment/many.yaml").exists()
    assert "many" not in read_yaml(checkout.root / "params.yaml")["experiments"]


def test_a_dropped_column_need_not_be_readable_and_divides_no_rows(checkout: Checkout) -> None:
    table = shop_rows().assign(day=pd.date_range("2024-01-01", periods=60).astype("str"))
    file = raw(checkout, "dated.csv", table)
    make(checkout, "undated", file, target="sold", drop=("day", "customer"))
    split = data_of(checkout, "undated")["split"]
    assert isinstance(split, dict)
    assert split["by"] == "stratified"
    nested = checkout.root / "data/raw/nested.parquet"
    table.assign(tags=[["a", "b"]] * 60).to_parquet(nested)
    make(checkout, "nested", "data/raw/nested.parquet", target="sold", drop=("tags",))
    assert data_of(checkout, "nested")["drop"] == ["tags"]


def test_an_experiment_that_was_removed_can_be_made_again(checkout: Checkout) -> None:
    file = raw(checkout, "shop.csv", shop_rows())
    make(checkout, "again", file, target="sold")
    (checkout.root / "conf/experiment/again.yaml").unlink()
    make(checkout, "again", file, target="amount")
    assert data_of(checkout, "again")["target"] == "amount"


def refused(make_it: Callable[[], list[str]]) -> str:
    with pytest.raises(UserError) as error:
        make_it()
    return str(error.value)


def test_what_is_wrong_leaves_nothing_behind(checkout: Checkout, tmp_path: Path) -> None:
    file = raw(checkout, "shop.csv", shop_rows())
    before = (checkout.root / "params.yaml").read_text(encoding="utf-8")
    said = refused(lambda: make(checkout, "nothing", file))
    assert said.startswith("--target: which column is to be predicted? there are: customer, ")
    said = refused(lambda: make(checkout, "nothing", file, target="sould"))
    assert "has no column 'sould' (--target); did you mean 'sold'?" in said
    said = refused(lambda: make(checkout, "no-name", file, target="sold"))
    assert "is no plain identifier" in said
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("a,b\n1,2\n")
    said = refused(lambda: make(checkout, "nothing", str(elsewhere), target="b"))
    assert "does not lie under data/raw/" in said
    assert "cp " in said
    assert "no such file" in refused(lambda: make(checkout, "nothing", "gone.csv", target="b"))
    said = refused(lambda: make(checkout, "market", file, target="sold"))
    assert said == "conf/experiment/market.yaml is there already; take another name, or remove it"
    said = refused(lambda: make(checkout, "nothing", file, target="sold", split=("time", "when")))
    assert "has no column 'when' (--split)" in said
    said = refused(lambda: make(checkout, "nothing", file, target="sold", split=("tme", None)))
    assert said == "--split: 'tme' is none of random, stratified, time, group"
    said = refused(lambda: make(checkout, "nothing", file, target="sold", split=("time", None)))
    assert "a split by time needs `column`" in said
    said = refused(lambda: make(checkout, "nothing", file, target="sold", drop=("emial",)))
    assert "has no column 'emial' (--drop); did you mean 'email'?" in said
    (checkout.root / "params.yaml").write_text("experiments: {market: {}}\n")
    assert "stands in braces" in refused(lambda: make(checkout, "nothing", file, target="sold"))
    (checkout.root / "params.yaml").write_text(before)
    assert not (checkout.root / "conf/experiment/nothing.yaml").exists()
