"""Files are read whole and exactly, or refused in a line: by line, column and what to do."""

import csv
import datetime
import io
import json
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from plait.data import reading
from plait.data.sources import table, text_table
from plait.errors import UserError

FORM: dict[str, Any] = {
    "separator": ",",
    "quote": '"',
    "encoding": "utf-8",
    "decimal": ".",
    "na_values": ["", "NA"],
}


@pytest.fixture
def read(raw: Callable[..., Path]) -> Callable[..., pd.DataFrame]:
    def read_file(content: str | bytes, name: str = "a.csv", **form: Any) -> pd.DataFrame:
        root = raw(name, content)
        return reading.read(f"data/raw/{name}", root, reading.TextFormat(**{**FORM, **form}))

    return read_file


def as_parquet(columns: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), sink)
    return sink.getvalue()


# Rows of delimited text

LABELLED = "text,label\n" + "good one,pos\nbad one,neg\n" * 5


def test_what_the_csv_module_writes_is_read_back(read):
    draw = random.Random(0)
    pieces = ["a", "1", " ", ",", ";", '"', "\n", "\r", "\r\n", "é", "\u2028", "", "NA", "'", "\\"]
    ambiguous = []
    for _ in range(60):
        width = draw.randint(1, 4)
        header = [f"c{number}" for number in range(width)]
        rows = [
            ["".join(draw.choices(pieces, k=draw.randint(0, 5))) for _ in header]
            for _ in range(draw.randint(1, 8))
        ]
        separator = draw.choice(",;\t|")
        # With other line ends the module leaves a lone carriage return without quotes.
        end = draw.choice(["\n", "\r\n"])
        quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
        written = io.StringIO()
        writer = csv.writer(written, delimiter=separator, quoting=quoting, lineterminator=end)
        writer.writerows([header, *rows])
        try:
            found = read(written.getvalue().encode(), separator=separator, na_values=[])
        except UserError as error:
            ambiguous.append(str(error))
        else:
            assert found.to_numpy().tolist() == rows, written.getvalue()
    assert all("what it encloses looks like rows" in each for each in ambiguous)
    assert len(ambiguous) <= 6


@pytest.mark.parametrize("separator", [",", "\t"])
def test_rows_that_quotes_would_swallow_are_refused_by_line(read, separator):
    rows = LABELLED + '"It is good,pos\nbad one,neg\nas it was",neg\n' + "bad one,neg\n"
    message = r"a\.csv, line 12: the quote that opens here closes in line 14.*format\.quote: null"
    with pytest.raises(UserError, match=message):
        read(rows.replace(",", separator), separator=separator)
    whole = read(rows.replace(",", separator), separator=separator, quote=None)
    assert len(whole) == rows.count("\n") - 1
    assert whole["text"][10] == '"It is good'


@pytest.mark.parametrize(
    "text",
    [
        "hello, all\nhow are you",
        "one\ntwo\nthree",
        "a, b\nc, d\ne",
        'he said "so", and\nleft',
        "\n",
        "ends here,\nor here",
    ],
)
def test_text_of_several_lines_is_read(read, text):
    written = io.StringIO()
    csv.writer(written).writerow([text, "pos"])
    found = read(LABELLED + written.getvalue() + "good one,pos\n")
    assert len(found) == 12
    assert found["text"][10] == text


@pytest.mark.parametrize(
    "row",
    [
        '7,"room 3,pos\n8,room 4,neg\n9,room 5",neg\n',
        '7,"room 3,2\n8,room 4,3\n9,room 5",4\n',
    ],
)
def test_rows_within_quotes_are_known_by_the_values_of_their_columns(read, row):
    label = "pos" if "pos" in row else "1"
    rows = "".join(f"{number},room {number},{label}\n" for number in range(10))
    with pytest.raises(UserError, match=r"line 12: .* closes in line 14"):
        read("id,text,label\n" + rows + row)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b\r1,2\r3,4\r", [["1", "2"], ["3", "4"]]),
        ("a,b\r\r\n1,2\r\r\n", [["1", "2"]]),
        ("\n\na,b\n\n1,2\n  \n3,4\n\n", [["1", "2"], ["3", "4"]]),
        ("a,b\n# 1,2\n", [["# 1", "2"]]),
        ("a,b\n1,2", [["1", "2"]]),
        ("\ufeffa,b\n1,2\n", [["1", "2"]]),
        ("a,b\n" + "x" * 200_000 + ",2\n", [["x" * 200_000, "2"]]),
        ('a,b\nit is 5" wide,2\n', [['it is 5" wide', "2"]]),
        ("a\nx\n\ny\n", [["x"], [np.nan], ["y"]]),
    ],
)
def test_ordinary_files_are_read_whole(read, content, rows):
    assert read(content).fillna("missing").to_numpy().tolist() == [
        ["missing" if value is np.nan else value for value in row] for row in rows
    ]


def test_no_bound_of_the_csv_module_is_left_changed(read):
    before = csv.field_size_limit()
    with pytest.raises(UserError):
        read('a,b\n"1,2\n')
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3\n4,5\n6\n", "2 fields in line 3, saw 1: fewer .*1 more such rows"),
        ("a,b\n1,2\n3,4,5\n", "2 fields in line 3, saw 3: more"),
        ('a,b\n1,2\n"x,\ny"\n3,4\n', "line 3, saw 1.*quotes reach into line 4"),
        ('a,b\n1,2\n"3,4\n5,6\n', r"line 3: the quote that opens here never closes"),
        ('a,b\n"x\ny",2\n"3\n4"5,6\n', r"line 4: .* closes in line 5 before '5,6', in mid-field"),
        ('a,b\n"he \\"said\\" it",4\n', r"line 2: .* in mid-field; double the quotes"),
        ('"a,b\n1,2\n', "line 1: the quote that opens here never closes"),
        ("a,b\n1,2\n1\r0,2\n", "line 3: a carriage return stands within the line"),
        ('a,b\n1,2\n"1"\r0,2\n', "line 3: a carriage return stands within the line"),
        ("a,b\n" + "1,2\n" * 500 + "x\x00y,3\n", "line 502: holds a NUL character"),
        (b"a,b\n" + b"1,2\n" * 500 + b"\xff,3\n", r"not utf-8 \(byte 0xff, line 502\)"),
        ("a,b\n1,2\n".encode("utf-16"), "perhaps utf-16"),
        ("a,b", "has no rows"),
    ],
)
def test_a_line_that_is_no_row_is_named(read, content, message):
    with pytest.raises(UserError, match=message) as error:
        read(content)
    assert str(error.value).count("\n") < 2


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        ("a,b\n1,2\n".encode("utf-16")[:-1], "utf-16", "is it cut off"),
        (b"a,b\n+2AA-,2\n", "utf-7", "line 2: holds half of a character"),
    ],
)
def test_text_of_another_encoding_is_whole_or_refused(read, content, encoding, message):
    with pytest.raises(UserError, match=message):
        read(content, encoding=encoding)
    marked = read("\ufeffa,b\n1,2\n".encode("utf-16-le"), encoding="utf-16-le")
    assert list(marked.columns) == ["a", "b"]


def test_a_folder_is_no_file(read, tmp_path):
    (tmp_path / "data/raw/x.csv").mkdir(parents=True)
    with pytest.raises(UserError, match=r"data/raw/x\.csv is a folder"):
        reading.read("data/raw/x.csv", tmp_path, reading.TextFormat(**FORM))


def test_a_file_that_may_not_be_read_is_named(read, monkeypatch):
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match=r"a\.csv cannot be read: permission denied"):
        read("a,b\n1,2\n")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"quote": ","}, "separator and quote cannot both be ','"),
        ({"separator": "\n"}, "separator cannot be"),
        ({"quote": "\r"}, "quote cannot be"),
        ({"quote": ""}, "at least 1 character"),
    ],
)
def test_marks_that_cannot_divide_a_text_are_refused(form, message):
    with pytest.raises(ValueError, match=message):
        reading.TextFormat(**{**FORM, **form})


def test_swallowed_rows_of_texts_are_refused_too(raw, settings_for):
    root = raw("texts.csv", LABELLED + '"It is good,pos\nas it was",neg\n')
    settings = settings_for("text_table", split={"by": "random", "val": 0.0})
    with pytest.raises(UserError, match="line 12: the quote that opens here closes in line 13"):
        text_table.read(settings, root)


# JSON lines and Parquet


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' stands in it twice"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "has 5000 digits"),
        ('{"a": NaN}', "NaN is no number of JSON's; write null"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1e400}', "1e400 is larger than any float64"),
        ('{"a": "x\\ud83d"}', r"'a' holds \\ud83d, half of a character"),
        ('{"\\ud800": 1}', r"a key holds \\ud800"),
        ('\ufeff{"a": 1}', "is no JSON: Unexpected UTF-8 BOM"),
        ('{"a": [1]}', "'a' holds a list"),
        ('{"a": {}}', "'a' holds a dict"),
        ('{"a": ', "is no JSON"),
        ('{"a": 1}{"a": 2}', "Extra data"),
        ('{"a": 1}\r{"a": 2}', "Extra data"),
        ('{"a": "x\ty"}', "Invalid control character"),
        ("{'a': 1}", "is no JSON"),
        ('"x"', "is no JSON object"),
        ("null", "is no JSON object"),
        (b'{"a": "\xed\xa0\x80"}', r"not utf-8 \(byte 0xed, line 3\)"),
        ('{"a": "\x00"}', "not utf-8|NUL"),
    ],
)
def test_a_line_of_json_that_is_no_row_is_named(read, line, message):
    content = b'{"a": "x"}\n\n' + (line.encode() if isinstance(line, str) else line) + b"\n"
    with pytest.raises(UserError, match=message) as error:
        read(content, "a.jsonl")
    assert "line 3" in str(error.value) or "NUL" in message
    assert str(error.value).count("\n") < 2


def test_a_whole_character_of_json_is_read(read):
    assert read('{"a": "\\ud83d\\ude00"}\n', "a.jsonl")["a"].tolist() == ["😀"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([datetime.timedelta(1)]), "holds duration"),
        (pa.array([datetime.time(1)]), "holds time64"),
        (pa.array([b"x"]), "holds binary"),
        (pa.array([{"a": 1}]), "holds struct"),
        (pa.array([[1]]), "holds list"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "holds map"),
        (pa.array([0, 1], pa.timestamp("ns")), r"row 1: .*000000001 is not kept by a date"),
        (pa.array([10**15], pa.timestamp("s")), "row 0: .* is not kept by a date"),
        (pa.array([2**31 - 1], pa.date32()), "row 0: .* is not kept by a date"),
        (
            pa.Array.from_buffers(
                pa.string(),
                1,
                [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe")],
            ),
            "holds no valid text",
        ),
        (pa.array([], pa.int64()), "has no rows"),
    ],
)
def test_a_column_of_parquet_that_would_not_be_kept_is_named(read, values, message):
    with pytest.raises(UserError, match=message) as error:
        read(as_parquet({"a": values}), "a.parquet")
    assert str(error.value).count("\n") < 2


def test_tables_of_parquet_that_are_none_are_refused(read):
    whole = as_parquet({"a": list(range(100))})
    for content, message in [
        (whole[:-50], "is not a whole Parquet file"),
        (whole[:40] + whole[80:], "is not a whole Parquet file"),
        (b"PARE" + whole[4:-4] + b"PARE", "is not a whole Parquet file"),
        (b"", "is empty"),
        (as_parquet({}), "has no columns"),
        (as_parquet(pa.table([[1], [2]], names=["a", "a"])), "both named 'a'"),
        (as_parquet(pa.table([[1]], names=[""])), "column 1 has no name"),
    ]:
        with pytest.raises(UserError, match=message):
            read(content, "a.parquet")


def test_a_damaged_parquet_file_never_ends_in_a_traceback(read):
    draw = random.Random(0)
    whole = as_parquet({"a": list(range(300)), "b": [f"x{number}" for number in range(300)]})
    refused = 0
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            read(bytes(damaged), "a.parquet")
        except UserError:
            refused += 1
    assert refused > 50


# Exact values

IDS = [1234567890123456700 + 10 * number for number in range(4)]


def written(columns: dict[str, list[Any]], ending: str) -> bytes:
    if ending == "csv":
        return (
            pd.DataFrame({name: map(str, of) for name, of in columns.items()})
            .to_csv(index=False)
            .encode()
        )
    if ending == "jsonl":
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    return as_parquet(columns)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("role", ["feature", "target", "group", "extra"])
def test_integers_of_19_digits_stay_apart_in_every_role(raw, settings_for, ending, role):
    columns = {
        "id": [IDS[number % 4] for number in range(80)],
        "x": [number % 5 for number in range(80)],
        "y": [number % 4 for number in range(80)],
    }
    if role == "extra":
        columns["id"] = ["train", "test"] * 40
    root = raw(f"t.{ending}", written(columns, ending))
    changes: dict[str, dict[str, Any]] = {
        "feature": {"target": "y", "types": {"id": "category"}},
        "target": {"target": "id", "task": "classification"},
        "group": {"target": "y", "split": {"by": "group", "column": "id"}},
        "extra": {"target": "y", "split": {"by": "column", "column": "id"}},
    }
    settings = settings_for("table", path=f"data/raw/t.{ending}", **changes[role])
    (frame,) = table.read(settings, root).chunks
    assert frame["id"].tolist() == [str(value) for value in columns["id"]]


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_labels_of_every_kind_of_file_agree(raw, settings_for, ending):
    for labels in (IDS, [2**64 - 1, 2**64 - 2, 0, 1], [0.1, 2.0, 1e300, -0.5]):
        column = pa.array(labels, pa.uint64()) if 2**64 - 1 in labels else labels
        columns = {"text": [f"text {number}" for number in range(4)] * 10}
        if ending == "parquet":
            repeated = pa.chunked_array([pa.array(column)] * 10)
            content = as_parquet({"text": columns["text"], "label": repeated})
        else:
            content = written(columns | {"label": labels * 10}, ending)
        root = raw(f"t.{ending}", content)
        settings = settings_for("text_table", path=f"data/raw/t.{ending}")
        (frame,) = text_table.read(settings, root).chunks
        assert frame["label"].tolist() == [str(label) for label in labels] * 10


def test_equal_numbers_of_json_are_one_label(raw, settings_for):
    numbers = ["1e3", "1000", "7", "2.5"] * 10
    rows = [f'{{"text": "t {place}", "label": {each}}}\n' for place, each in enumerate(numbers)]
    settings = settings_for("text_table", path="data/raw/t.jsonl")
    source = text_table.read(settings, raw("t.jsonl", "".join(rows)))
    assert source.classes == ("2.5", "7", "1000")


def test_numbers_of_json_do_not_go_by_the_decimal_sign_of_texts(raw, settings_for):
    rows = [f'{{"text": "text {number}", "label": {number}.5}}\n' for number in range(40)]
    settings = settings_for(
        "text_table",
        path="data/raw/t.jsonl",
        task="regression",
        split={"by": "random"},
        format={"decimal": ","},
    )
    (frame,) = text_table.read(settings, raw("t.jsonl", "".join(rows))).chunks
    assert frame["label"].tolist() == [number + 0.5 for number in range(40)]


def test_decimals_and_days_are_labels_as_csv_has_them(raw, settings_for):
    columns = {
        "price": [Decimal("1.50"), Decimal("2.00")] * 20,
        "day": [datetime.date(2024, 1, 31), datetime.date(2024, 2, 1)] * 20,
        "target": [float(number) for number in range(40)],
    }
    found = []
    for ending in ("csv", "parquet"):
        settings = settings_for(
            "table", path=f"data/raw/t.{ending}", types={"price": "category", "day": "category"}
        )
        (frame,) = table.read(settings, raw(f"t.{ending}", written(columns, ending))).chunks
        found.append(frame)
    pd.testing.assert_frame_equal(*found)
    assert found[0]["price"][0] == "1.50"
    assert found[0]["day"][0] == "2024-01-31"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_number_that_float64_would_change_is_refused(raw, settings_for, ending):
    for value in (2**53 + 1, -(2**53) - 1, 2**63 + 5, Decimal(2**60 + 1)):
        kind = pa.decimal128(38, 0) if isinstance(value, Decimal) else None
        columns = {"x": [value, *[type(value)(7)] * 9], "target": list(range(10))}
        content = written(columns, "csv")
        if ending == "parquet":
            columns["x"] = pa.array(columns["x"], kind or (pa.uint64() if value > 2**62 else None))
            content = as_parquet(columns)
        root = raw(f"t.{ending}", content)
        given: dict[str, Any] = {"path": f"data/raw/t.{ending}"}
        message = "'x', row 0: .* more digits than a number keeps.*types.x to category"
        with pytest.raises(UserError, match=message):
            table.read(settings_for("table", **given), root)
        with pytest.raises(UserError, match="more digits than a number keeps"):
            table.read(settings_for("table", **given, types={"x": "number"}), root)


def test_large_numbers_that_float64_keeps_are_numbers(raw, settings_for):
    values = [str(2**53), str(2**60), "6.02214076e23", "0.1234567890123456789012", "-1e300"]
    rows = [f"{value},{number}\n" for number, value in enumerate(values * 4)]
    (frame,) = table.read(
        settings_for("table", path="data/raw/t.csv"), raw("t.csv", "x,target\n" + "".join(rows))
    ).chunks
    assert frame["x"].tolist() == [float(value) for value in values * 4]


def test_a_column_to_drop_may_hold_anything(raw, settings_for):
    columns = {
        "tags": [["a"]] * 40,
        "at": pa.array(range(40), pa.timestamp("ns")),
        "x": list(range(40)),
        "target": list(range(40)),
    }
    settings = settings_for("table", path="data/raw/t.parquet", drop=["tags", "at"])
    source = table.read(settings, raw("t.parquet", as_parquet(columns)))
    assert [column.name for column in source.columns] == ["x", "target"]


# Dates and decimals as stated

DAYS = pd.date_range("2024-01-01", periods=100)


def compact(form: str = "%d%m%Y") -> pd.DataFrame:
    return pd.DataFrame({"d": DAYS.strftime(form), "x": range(100), "target": range(100)})


BY_TIME = {"by": "time", "column": "d", "test": 0.2}


@pytest.mark.parametrize("split", [BY_TIME, {"by": "random"}])
def test_a_stated_date_format_wins_over_numbers(raw, settings_for, split):
    settings = settings_for("table", path="data/raw/t.csv", date_format="%d%m%Y", split=split)
    source = table.read(settings, raw("t.csv", compact().to_csv(index=False)))
    (frame,) = source.chunks
    assert frame["d"].tolist() == DAYS.tolist()
    if split is BY_TIME:
        assert source.part_of_row.tolist() == [0] * 80 + [2] * 20


def test_whole_numbers_of_parquet_are_dates_where_none_has_lost_a_digit(raw, settings_for):
    def read_days(days: pd.Series) -> pd.Series:
        form = "%d%m%Y" if days.min() < 20_000_000 else "%Y%m%d"
        settings = settings_for("table", path="data/raw/t.parquet", date_format=form, split=BY_TIME)
        content = as_parquet(pa.Table.from_pandas(compact().assign(d=days)))
        (frame,) = table.read(settings, raw("t.parquet", content)).chunks
        return frame["d"]

    as_numbers = compact("%Y%m%d")["d"].astype("int64")
    assert read_days(as_numbers).tolist() == DAYS.tolist()
    assert read_days(as_numbers.astype("float64")).tolist() == DAYS.tolist()
    with pytest.raises(UserError, match="'d', row 0: '1012024' is not a date like %d%m%Y"):
        read_days(compact()["d"].astype("int64"))


@pytest.mark.parametrize(("kind", "dtype"), [("number", "float64"), ("category", "str")])
def test_a_stated_type_wins_over_a_stated_date_format(raw, settings_for, kind, dtype):
    data = compact().assign(d=compact()["d"][0], e=compact()["d"])
    settings = settings_for("table", path="data/raw/t.csv", date_format="%d%m%Y", types={"d": kind})
    (frame,) = table.read(settings, raw("t.csv", data.to_csv(index=False))).chunks
    assert frame["d"].dtype == dtype
    assert frame["e"].tolist() == DAYS.tolist()


@pytest.mark.parametrize(
    ("change", "date_format", "message"),
    [
        ({}, "%Y-%m-%d", "'d', row 0: '01012024' is not a date like %Y-%m-%d"),
        ({3: "40012024"}, "%d%m%Y", "'d', row 3: '40012024' is not a date like %d%m%Y"),
        ({3: "4012024"}, "%d%m%Y", "'d', row 3: '4012024' is not a date like %d%m%Y"),
        ({}, "%q", "date_format: 'q' is a bad directive"),
    ],
)
@pytest.mark.parametrize("split", [BY_TIME, {"by": "random"}])
def test_times_that_do_not_fit_the_stated_format_are_named(
    raw, settings_for, change, date_format, message, split
):
    data = compact()
    for row, value in change.items():
        data.loc[row, "d"] = value
    if split is not BY_TIME and date_format == "%Y-%m-%d":
        message = "data.date_format: %Y-%m-%d fits no column"
    settings = settings_for("table", path="data/raw/t.csv", date_format=date_format, split=split)
    with pytest.raises(UserError, match=message):
        table.read(settings, raw("t.csv", data.to_csv(index=False)))


def test_texts_are_split_by_the_stated_format_of_their_times(raw, settings_for):
    data = compact().assign(text=[f"text {number}" for number in range(100)], label=["a", "b"] * 50)
    root = raw("t.csv", data.to_csv(index=False))
    given: dict[str, Any] = {"path": "data/raw/t.csv", "date_format": "%d%m%Y"}
    split = BY_TIME | {"val": 0.0}
    source = text_table.read(settings_for("text_table", **given, split=split), root)
    assert source.part_of_row.tolist() == [0] * 80 + [2] * 20
    with pytest.raises(UserError, match=r"data\.date_format: %d%m%Y fits no column"):
        text_table.read(settings_for("text_table", **given), root)


def test_points_where_the_decimal_sign_is_a_comma_are_no_categories(raw, settings_for):
    rows = "".join(f"{number}.5;{number}\n" for number in range(40))
    form = {"separator": ";", "decimal": ","}
    root = raw("t.csv", "x;target\n" + rows)
    message = r"'x', row 0: '0\.5' has a point, and data\.format\.decimal is ','"
    with pytest.raises(UserError, match=message):
        table.read(settings_for("table", path="data/raw/t.csv", format=form), root)


def test_times_between_microseconds_are_not_rounded_in_silence(raw, settings_for):
    data = compact("%Y-%m-%dT%H:%M:%S.123456789")
    with pytest.raises(UserError, match=r"'d', row 0: .* is not kept by a date in microseconds"):
        table.read(
            settings_for("table", path="data/raw/t.csv"), raw("t.csv", data.to_csv(index=False))
        )
