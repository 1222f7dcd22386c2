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


def test_missing_values_can_stop_and_every_column_is_named(read_table):
    with pytest.raises(UserError) as error:
        read_table(holed(), missing="error")
    assert str(error.value).splitlines() == [
        "data/raw/houses.csv: 2 things are wrong:",
        "  column 'size' has 7 missing values, the first in row 3; set data.missing to impute or"
        " drop",
        "  column 'city' has 6 missing values, the first in row 5; set data.missing to impute or"
        " drop",
    ]


def test_missing_values_can_drop_their_rows(read_table, tmp_path):
    dataset = read_table(holed(), missing="drop")
    assert dataset.counts["missing"] == {"size": 7, "city": 6}
    assert dataset.counts["missing_are"] == "dropped"
    assert dataset.counts["rows_dropped"] == {"without size": 7, "without city": 5}
    assert dataset.counts["rows_in_no_part"] == 12
    assert sum(of["rows"] for of in dataset.parts.values()) == 48
    assert not read_part(tmp_path / "out", "train").isna().any().any()


def test_missing_values_can_be_left_to_the_model(read_table, tmp_path):
    dataset = read_table(holed())
    assert dataset.counts["missing"] == {"size": 7, "city": 6}
    assert dataset.counts["missing_are"] == "imputed"
    kept = sum(read_part(tmp_path / "out", part).isna().sum().sum() for part in ("train", "test"))
    assert kept == 13


def test_rows_without_a_target_are_dropped_and_counted(read_table, tmp_path):
    data = holed()
    data.loc[[3, 7], "price"] = np.nan
    dataset = read_table(data)
    assert dataset.counts["rows_dropped"] == {"without price": 2}
    assert dataset.counts["rows_in_no_part"] == 2
    assert sum(of["rows"] for of in dataset.parts.values()) == 58
    data["price"] = np.nan
    with pytest.raises(UserError, match="column 'price' has no values"):
        read_table(data)


def test_a_class_that_is_called_none_is_not_dropped_in_silence(read_table):
    data = houses().assign(price=["None", "some", "many"] * 20)
    with pytest.raises(UserError, match=r"'price', row 0: 'None' stands 20 times, and data.format"):
        read_table(data, task="classification")
    assert read_table(data, task="classification", format={"na_values": [""]}).classes == (
        *("None", "many", "some"),
    )
    dropped = read_table(data, task="classification", missing="drop")
    assert dropped.classes == ("many", "some")
    assert dropped.counts["rows_dropped"] == {"without price": 20}


def test_the_words_for_missing_values_are_a_setting(read_table):
    data = houses().astype({"size": "str"})
    data.loc[7, "size"] = "-99"
    dataset = read_table(data, missing="drop", format={"na_values": ["-99"]})
    assert dataset.counts["missing"] == {"size": 1}


def test_what_training_has_not_seen_is_left_to_the_model_but_for_a_class(read_table):
    words = {"part": ["train"] * 40 + ["test"] * 20}
    split = {"by": "column", "column": "part"}
    data = houses().assign(**words).drop(columns="street").astype({"size": float})
    data.loc[55, "city"], data.loc[50, "size"] = "Ulm", np.nan
    assert read_table(data, split=split).parts["test"]["rows"] == 20
    with pytest.raises(UserError) as error:
        read_table(data, split=split, target="city", task="classification")
    assert "column 'city', row 55 (test): the class 'Ulm', which has 1 row, never" in str(
        error.value
    )
    assert "merge it with another class, or take its rows out of the file" in str(error.value)


def test_advice_helps_in_that_very_case(read_table):
    data = houses().assign(kind=["a"] * 30 + ["b"] * 26 + ["c", "c", "d", "e"])
    wanted = {"target": "kind", "task": "classification", "drop": ["street"]}
    data["part"] = ["train"] * 56 + ["test"] * 4
    with pytest.raises(UserError) as several:
        read_table(data, **wanted, split={"by": "column", "column": "part"})
    said = str(several.value).splitlines()
    assert said[0].endswith(": 3 things are wrong:")
    stratify, merge = "set data.split.by: stratified", "merge it with another class, or take its"
    assert said[1].endswith(f"'c', which has 2 rows, never stands in the training part; {stratify}")
    assert [merge in line for line in said[2:]] == [True, True]


def test_everything_that_is_wrong_with_values_is_said_at_once(read_table):
    data = houses().astype({"size": "str", "sold": "str"})
    data.loc[4, "size"], data.loc[9, "sold"] = "large", "soon"
    data["share"] = ["10%"] * 30 + ["0.2"] * 30
    with pytest.raises(UserError) as error:
        read_table(data)
    head, *lines = str(error.value).splitlines()
    assert head == "data/raw/houses.csv: 3 things are wrong:"
    assert [line.split()[1].strip("',") for line in lines] == ["size", "sold", "share"]


# Numbers as people write them


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,200", "950", "1,234,567.5"], [1200, 950, 1234567.5]),
        (["10%", "12.5 %", "-3%"], [10, 12.5, -3]),
        (["$10", "-$2.50", "7"], [10, -2.5, 7]),
        (["10 EUR", "EUR 7", "8 EUR"], [10, 7, 8]),
        (["(3.00)", "−4", "+5"], [-3, -4, 5]),
        (["1\u202f200", "1\u00a0300", "7"], [1200, 1300, 7]),
        (["1'200", "1’300.5", "7"], [1200, 1300.5, 7]),
        (["0.1", "1e3", "007"], [0.1, 1000, 7]),
    ],
)
def test_numbers_are_read_as_people_write_them(read_table, tmp_path, texts, numbers):
    data = houses().assign(amount=texts * 20)
    dataset = read_table(data)
    (column,) = (column for column in dataset.columns if column.name == "amount")
    assert column.type == "number"
    parts = pd.concat([read_part(tmp_path / "out", part) for part in ("train", "test")])
    read = parts.sort_values("row")["amount"].tolist()
    assert read == [float(number) for number in numbers] * 20


def test_points_that_group_thousands_are_read_where_one_shows_it(read_table, tmp_path):
    data = houses().assign(amount=["1.200", "950,5", "1.234.567,5"] * 20)
    read_table(
        data,
        format={"decimal": ","},
        features=["amount"],
        target="city",
        task="classification",
    )
    parts = pd.concat([read_part(tmp_path / "out", part) for part in ("train", "test")])
    assert sorted(set(parts["amount"])) == [950.5, 1200.0, 1234567.5]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["10%", "0.2", "0.3"], "mixes numbers with % and without"),
        (["$10", "€7", "$3"], "mixes \\$ and €"),
        (["1,5", "2,25", "3,0"], "has a comma, and data.format.decimal is '.'; set it to ','"),
        (["1.234.567", "2.345.678"] * 3, r"has no ',', and data.format.decimal is '.'; set it to"),
    ],
)
def test_what_could_be_another_number_is_refused(read_table, texts, said):
    with pytest.raises(UserError, match=said):
        read_table(houses().assign(amount=(texts * 20)[:60]))


@pytest.mark.parametrize("texts", [["12-34", "56-78"], ["A 100", "B 200"], ["ABC 1", "XYZ 2"]])
def test_codes_are_no_numbers(read_table, texts):
    dataset = read_table(houses().assign(code=texts * 30))
    (column,) = (column for column in dataset.columns if column.name == "code")
    assert column.type == "category"


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
        ("a,price\nKöln,1\n".encode("latin-1"), r"not utf-8 \(byte 0xf6, line 2\).*cp1252"),
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


def test_quotes_of_windows_are_no_control_characters(read_table):
    content = "name,price\n“Köln”,1\n„Bonn“,2\n".encode("cp1252")
    with pytest.raises(UserError, match=r"byte 0x93, line 2\); set its encoding, perhaps cp1252"):
        read_table(content)
    with pytest.raises(UserError, match=r"line 2: holds a control character .*perhaps cp1252"):
        read_table(content, format={"encoding": "latin-1"})
    with pytest.raises(UserError, match="perhaps latin-1"):
        read_table(b"name,price\na\x81,1\n")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_separator_line_of_excel_is_understood(read_table, end):
    plain = read_table(houses())
    text = houses().to_csv(index=False, sep=";", lineterminator=end)
    assert read_table(f"sep=;{end}{text}".encode()).digest == plain.digest
    ragged = f"sep=;{end}{text}1;2{end}"
    with pytest.raises(UserError, match="fields in line 63, saw 2"):
        read_table(ragged.encode())


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
