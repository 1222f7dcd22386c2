import decimal

import numpy as np
import pandas as pd
import pytest

from plait.data.dataset import Dataset, read_part
from plait.data.sources import table
from plait.data.write import write
from plait.errors import UserError

CITIES = ("Bonn", "Köln", "Aachen")


def houses(rows=60):
    rng = np.random.default_rng(0)
    size = rng.integers(40, 200, rows)
    return pd.DataFrame(
        {
            "size": size,
            "city": rng.permutation([CITIES[number % 3] for number in range(rows)]),
            "sold": pd.date_range("2024-01-01", periods=rows).strftime("%Y-%m-%d"),
            "street": [f"s{number // 5}" for number in range(rows)],
            "price": size * 3.5 + rng.standard_normal(rows),
        }
    )


@pytest.fixture
def read_table(settings_for, raw, tmp_path):
    """Write ``content`` as data/raw/houses.csv, read it, write the parts."""

    def read(content, *, name="houses.csv", **changes):
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False)
        root = raw(name, content)
        given = {"path": f"data/raw/{name}", "target": "price", **changes}
        settings = settings_for("table", **given)
        return write(table.read(settings, root), "table", tmp_path / "out")

    return read


def types(dataset: Dataset):
    return {column.name: (column.role, column.type) for column in dataset.columns}


def test_a_csv_file_becomes_numbers_dates_and_categories(read_table, tmp_path):
    data = houses()
    dataset = read_table(data, origin="land registry", licence="CC0")
    assert types(dataset) == {
        "row": ("index", "number"),
        "size": ("feature", "number"),
        "city": ("feature", "category"),
        "sold": ("feature", "date"),
        "street": ("feature", "category"),
        "price": ("target", "number"),
    }
    assert dataset.parts["test"]["rows"] == 12
    assert dataset.licence == "CC0"
    assert dataset.provenance == {
        "name": "houses",
        "origin": "land registry",
        "file": "data/raw/houses.csv",
    }
    test = read_part(tmp_path / "out", "test").set_index("row")
    for row in test.index:
        assert test["price"][row] == data["price"][row]
        assert test["city"][row] == data["city"][row]
        assert test["sold"][row] == pd.Timestamp(data["sold"][row])


def test_numbers_are_read_to_the_last_bit(read_table, tmp_path):
    numbers = np.random.default_rng(1).standard_normal(500) * 10.0 ** np.arange(-250, 250)
    read_table(pd.DataFrame({"size": numbers, "price": numbers}))
    train = read_part(tmp_path / "out", "train")
    assert (train["size"].to_numpy() == numbers[train["row"]]).all()


def test_a_parquet_file_gives_the_same_as_the_csv(read_table, raw, tmp_path):
    data = houses()
    as_csv = read_table(data)
    typed = data.assign(sold=pd.to_datetime(data["sold"]), city=data["city"].astype("category"))
    path = raw("houses.parquet", "") / "data" / "raw" / "houses.parquet"
    typed.to_parquet(path)
    as_parquet = read_table(path.read_bytes(), name="houses.parquet")
    assert as_parquet.parts == as_csv.parts


def test_the_types_of_parquet_are_understood(read_table, raw):
    rows = 20
    path = raw("t.parquet", "") / "data" / "raw" / "t.parquet"
    pd.DataFrame(
        {
            "int": np.arange(rows, dtype="int16"),
            "nullable": pd.array([1, 2] * 10, dtype="Int64"),
            "decimal": [decimal.Decimal(f"{number}.5") for number in range(rows)],
            "flag": [True, False] * 10,
            "zoned": pd.date_range("2024-01-01", periods=rows, tz="Europe/Berlin"),
            "day": [stamp.date() for stamp in pd.date_range("2024-01-01", periods=rows)],
            "price": np.arange(rows, dtype="float32"),
        }
    ).to_parquet(path)
    found = types(read_table(path.read_bytes(), name="t.parquet"))
    assert {name: kind for name, (_, kind) in found.items()} == {
        "row": "number",
        "int": "number",
        "nullable": "number",
        "decimal": "number",
        "flag": "category",
        "zoned": "date",
        "day": "date",
        "price": "number",
    }


def test_the_nameless_index_of_pandas_is_no_feature(read_table, raw):
    path = raw("t.parquet", "") / "data" / "raw" / "t.parquet"
    shuffled = houses().sample(frac=1, random_state=0)
    shuffled.to_parquet(path)
    assert path.read_bytes().count(b"__index_level_0__")
    dataset = read_table(path.read_bytes(), name="t.parquet")
    assert [column.name for column in dataset.features] == ["size", "city", "sold", "street"]


def test_a_parquet_column_of_lists_is_refused(read_table, raw):
    path = raw("t.parquet", "") / "data" / "raw" / "t.parquet"
    pd.DataFrame({"many": [[1, 2]] * 9, "price": range(9)}).to_parquet(path)
    with pytest.raises(UserError, match="column 'many' holds list"):
        read_table(path.read_bytes(), name="t.parquet")


def test_features_drop_and_types_choose_the_columns(read_table):
    chosen = read_table(houses(), features=["city", "size"])
    assert [column.name for column in chosen.features] == ["size", "city"]
    rest = read_table(houses(), drop=["street", "sold"])
    assert [column.name for column in rest.features] == ["size", "city"]
    forced = read_table(houses().assign(floor=[0, 1, 2] * 20), types={"floor": "category"})
    assert types(forced)["floor"] == ("feature", "category")


def test_a_class_target_keeps_its_labels_in_order(read_table):
    grades = houses().assign(grade=[10, 9, 2] * 20)
    dataset = read_table(
        grades, target="grade", task="classification", split={"by": "stratified"}, drop=["street"]
    )
    assert dataset.classes == ("2", "9", "10")
    assert dataset.parts["test"]["rows"] == 12
    named = read_table(houses(), target="city", task="classification", drop=["street"])
    assert named.classes == ("Aachen", "Bonn", "Köln")


# Splits


def test_a_split_by_time_keeps_order_and_takes_the_column_out_of_the_features(read_table, tmp_path):
    dataset = read_table(
        houses().sample(frac=1, random_state=0),
        split={"by": "time", "column": "sold", "gap": 3},
        drop=["street"],
    )
    assert types(dataset)["sold"] == ("time", "date")
    train, test = (read_part(tmp_path / "out", part) for part in ("train", "test"))
    assert test["sold"].min() - train["sold"].max() == pd.Timedelta(days=4)
    assert dataset.counts["rows_in_no_part"] == 3


def test_a_split_by_group_keeps_groups_whole(read_table, tmp_path):
    dataset = read_table(houses(), split={"by": "group", "column": "street", "val": 0.2})
    assert types(dataset)["street"] == ("group", "category")
    streets = [
        set(read_part(tmp_path / "out", part)["street"]) for part in ("train", "val", "test")
    ]
    assert sum(len(of) for of in streets) == 12 == len(set.union(*streets))


def test_a_column_can_say_the_parts(read_table, tmp_path):
    words = ["train"] * 40 + ["val"] * 9 + ["test"] * 10 + ["none"]
    dataset = read_table(
        houses().assign(part=words), split={"by": "column", "column": "part"}, drop=["street"]
    )
    assert types(dataset)["part"] == ("extra", "category")
    assert read_part(tmp_path / "out", "test")["row"].tolist() == list(range(49, 59))


def test_a_word_that_names_no_part_is_named(read_table):
    words = ["train"] * 40 + ["Test"] * 20
    with pytest.raises(UserError, match="column 'part', row 40: 'Test' names no part"):
        read_table(houses().assign(part=words), split={"by": "column", "column": "part"})


def test_an_empty_part_is_refused(read_table):
    with pytest.raises(UserError, match="test part of the split by random is empty: 2 rows"):
        read_table(houses(2))
    with pytest.raises(UserError, match="puts no row into test"):
        read_table(
            houses().assign(part="train"),
            split={"by": "column", "column": "part"},
        )


def test_a_time_column_of_words_is_refused(read_table):
    with pytest.raises(UserError, match="column 'city' holds neither dates nor numbers"):
        read_table(houses(), split={"by": "time", "column": "city"})


# Missing values


def holed():
    data = houses()
    data["size"] = data["size"].astype(float)
    data.loc[[3, 8, 9, 20, 30, 31, 33], "size"] = np.nan
    data.loc[[5, 6, 8, 40, 41, 44], "city"] = None
    return data.drop(columns="street")


def test_missing_values_stop_by_default_and_are_counted(read_table):
    with pytest.raises(UserError, match=r"size 7, city 6 \(the first of 'size' in row 3\)"):
        read_table(holed())


def test_missing_values_can_drop_their_rows(read_table, tmp_path):
    dataset = read_table(holed(), missing="drop")
    assert dataset.counts["missing"] == {"size": 7, "city": 6}
    assert dataset.counts["missing_are"] == "dropped"
    assert dataset.counts["rows_dropped"] == {"with missing values": 12}
    assert dataset.counts["rows_in_no_part"] == 12
    assert sum(of["rows"] for of in dataset.parts.values()) == 48
    assert not read_part(tmp_path / "out", "train").isna().any().any()


def test_missing_values_can_be_left_to_the_model(read_table, tmp_path):
    dataset = read_table(holed(), missing="impute")
    assert dataset.counts["missing"] == {"size": 7, "city": 6}
    assert dataset.counts["missing_are"] == "imputed"
    kept = sum(read_part(tmp_path / "out", part).isna().sum().sum() for part in ("train", "test"))
    assert kept == 13


def test_a_missing_target_cannot_be_imputed(read_table):
    data = houses()
    data.loc[7, "price"] = np.nan
    with pytest.raises(UserError, match="column 'price', row 7: a missing target cannot be"):
        read_table(data, missing="impute")


def test_the_words_for_missing_values_are_a_setting(read_table):
    data = houses().astype({"size": "str"})
    data.loc[7, "size"] = "-99"
    dataset = read_table(data, missing="drop", format={"na_values": ["-99"]})
    assert dataset.counts["missing"] == {"size": 1}


def test_what_training_has_not_seen_is_refused_at_once(read_table):
    words = {"part": ["train"] * 40 + ["test"] * 20}
    split = {"by": "column", "column": "part"}
    data = houses().assign(**words).drop(columns="street")
    data.loc[55, "city"] = "Ulm"
    with pytest.raises(UserError, match=r"column 'city', row 55 \(test\): 'Ulm' never stands"):
        read_table(data, split=split)
    with pytest.raises(UserError, match=r"column 'city', row 55 \(test\): 'Ulm' never stands"):
        read_table(data, split=split, target="city", task="classification")
    data = houses().assign(**words).drop(columns="street").astype({"size": float})
    data.loc[50, "size"] = np.nan
    with pytest.raises(UserError, match=r"column 'size', row 50 \(test\): a missing value never"):
        read_table(data, split=split, missing="impute")


# Files and settings that are not right


def test_a_missing_file_that_dvc_tracks_says_dvc_pull(settings_for, raw):
    root = raw("houses.csv.dvc", "outs: []\n")
    settings = settings_for("table", path="data/raw/houses.csv")
    with pytest.raises(UserError, match=r"dvc pull data/raw/houses\.csv$"):
        table.read(settings, root)


def test_a_missing_file_names_those_that_are_there(settings_for, raw, tmp_path):
    settings = settings_for("table", path="data/raw/houses.csv")
    with pytest.raises(UserError, match=r"no such file \(the folder is empty or missing"):
        table.read(settings, tmp_path)
    root = raw("house.csv", "a\n1\n")
    with pytest.raises(UserError, match=r"no such file \(there: house\.csv\)"):
        table.read(settings, root)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "prise"}, r"no column 'prise' \(data.target\); did you mean 'price'"),
        ({"features": ["size", "town"]}, r"no column 'town' \(data.features\)"),
        ({"drop": ["stret"]}, r"no column 'stret' \(data.drop\); did you mean 'street'"),
        ({"types": {"sise": "number"}}, r"no column 'sise' \(data.types\)"),
        ({"split": {"by": "time", "column": "when"}}, r"'when' \(data.split.column\)"),
        ({"drop": ["size", "city", "sold", "street"]}, "no column is left to learn from"),
        ({"types": {"city": "number"}}, "column 'city', row 0: .* is not a number"),
        ({"types": {"city": "date"}}, "column 'city', row 0: .* is not an ISO 8601 date"),
        ({"date_format": "%d.%m.%Y", "types": {"sold": "date"}}, "not a date like %d.%m.%Y"),
        ({"target": "city"}, "column 'city', row 0: .* is not a number"),
    ],
)
def test_settings_that_do_not_fit_the_file_are_refused(changes, message, read_table):
    with pytest.raises(UserError, match=message):
        read_table(houses(), **changes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,a,price\n1,2,3,4\n", "columns 1 and 3 are both named 'a'"),
        (",a,price\n1,2,3\n", "column 1 has no name"),
        ("a;b;price\n1;2;3\n", "has one column, 'a;b;price'.*a semicolon"),
        ("a\tb\tprice\n1\t2\t3\n", "looks like a tab"),
        ("a,price\n1,2\n3,4,5\n", "Expected 2 fields in line 3, saw 3.*separator"),
        ("a,price\n1,2,3\n4,5,6\n", "more columns than the header"),
        (
            'a,price\n"1,2\n3,4\n',
            r"line 2: the quote that opens here never closes.*format\.quote: null",
        ),
        ("", "is empty"),
        ("\n\n", "no header and no rows"),
        ("a,price\n", "has no rows"),
        ("a,price\n,1\n,2\n", "column 'a' has no values"),
        (b"\x1f\x8b\x08\x00abc", "compressed by gzip, not what its ending .csv says"),
        (b"PK\x03\x04abc", "a zip archive or an Excel workbook"),
        (b"PAR1abcPAR1", "a Parquet file, not what its ending .csv"),
        ("\n<!DOCTYPE html><html>", "a web page"),
        ("a,price\nKöln,1\n".encode("latin-1"), r"not utf-8 \(byte 0xf6, line 2\).*latin-1"),
        ("a,price\n1,2\n".encode("utf-16"), "set its encoding, perhaps utf-16"),
        ("a,price\n1,2\n".encode("utf-16-le"), "set its encoding, perhaps utf-16-le"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content, message, read_table):
    with pytest.raises(UserError, match=message):
        read_table(content)


def test_utf_8_read_as_another_encoding_is_found(read_table):
    with pytest.raises(UserError, match="is utf-8, not latin-1; set its encoding to utf-8"):
        read_table(houses(), format={"encoding": "latin-1"})


def test_a_parquet_ending_on_something_else_is_refused(read_table):
    with pytest.raises(UserError, match=r"houses\.parquet is not a whole Parquet file"):
        read_table("a,price\n1,2\n", name="houses.parquet")


def test_another_separator_encoding_and_decimal_comma_are_read(read_table):
    plain = read_table(houses())
    text = houses().to_csv(index=False, sep=";", decimal=",")
    form = {"separator": ";", "encoding": "latin-1", "decimal": ","}
    assert read_table(text.encode("latin-1"), format=form).digest == plain.digest
    marked = read_table(houses().to_csv(index=False).encode("utf-8-sig"))
    assert marked.digest == plain.digest


def test_a_point_among_decimal_commas_is_not_guessed(read_table):
    rows = "".join(f"{number},5;{number}\n" for number in range(20)) + "1.234;5\n"
    form = {"separator": ";", "decimal": ","}
    with pytest.raises(UserError, match=r"column 'size', row 20: '1\.234' is not a number"):
        read_table("size;price\n" + rows, format=form)


def test_text_in_a_numeric_column_is_named_with_row_and_value(read_table):
    data = houses().astype({"size": "str"})
    data.loc[[17, 30], "size"] = ["about 80", "?"]
    message = r"column 'size', row 17: 'about 80' is not a number \(and 1 more\); .*types.size"
    with pytest.raises(UserError, match=message):
        read_table(data)


def test_text_in_a_column_of_dates_is_named_with_row_and_value(read_table):
    data = houses()
    data.loc[17, "sold"] = "in May"
    with pytest.raises(UserError, match="column 'sold', row 17: 'in May' is not an ISO 8601 date"):
        read_table(data)


def test_dates_of_another_format_are_read_when_it_is_named(read_table, tmp_path):
    plain = read_table(houses())
    data = houses()
    data["sold"] = pd.to_datetime(data["sold"]).dt.strftime("%d.%m.%Y")
    assert read_table(data, date_format="%d.%m.%Y").digest == plain.digest


def test_an_infinity_is_named(read_table, raw):
    data = houses().astype({"size": float})
    data.loc[9, "size"] = np.inf
    with pytest.raises(UserError, match="column 'size', row 9: inf is infinite"):
        read_table(data)
    path = raw("t.parquet", "") / "data" / "raw" / "t.parquet"
    data.to_parquet(path)
    with pytest.raises(UserError, match="column 'size', row 9: inf is infinite"):
        read_table(path.read_bytes(), name="t.parquet")


def test_a_single_class_is_refused(read_table):
    data = houses().assign(sort="flat")
    with pytest.raises(UserError, match="'sort' has a single class, 'flat'"):
        read_table(data, target="sort", task="classification", drop=["street"])


def test_the_column_name_row_is_refused(read_table):
    with pytest.raises(UserError, match="named 'row'"):
        read_table(houses().assign(row=range(60)))
