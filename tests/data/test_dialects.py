"""A table that is written in any dialect reads back equal, or is refused by name.

Files are written and counted by the few lines here, not by what reads them.
"""

import datetime
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from plait.data import reading
from plait.data.column_types import ColumnType, Reader, labels
from plait.data.sources import table
from plait.errors import UserError

few = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

PIECES = ("a", "B", "7", " ", ",", ";", "\t", "|", ":", '"', "'", "\n", "\r", "é", "ß", "\\", ".")
UNICODE = ("\u2028", "\u0085", "日本", "\U0001f600", "\u00a0", "Я", "\u202e")

REFUSALS = (
    "what it encloses looks like rows",
    "a carriage return stands within the line",
    "set its encoding",
)
"""What a file may be read by in two ways is refused for."""

texts = st.lists(st.sampled_from(PIECES + UNICODE), max_size=6).map("".join)
western = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, str]:
    return {
        "separator": draw(st.sampled_from(",;\t|: ")),
        "quote": draw(st.sampled_from("\"'")),
        "encoding": draw(
            st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"])
        ),
        "end": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "quoted": draw(st.sampled_from(["all", "needed"])),
    }


def written(rows: Sequence[Sequence[str]], dialect: dict[str, str]) -> bytes:
    """The file, as RFC 4180 has it."""
    quote, separator = dialect["quote"], dialect["separator"]

    def field(text: str) -> str:
        needed = any(each in text for each in (quote, separator, "\r", "\n"))
        if needed or dialect["quoted"] == "all":
            return f"{quote}{text.replace(quote, quote * 2)}{quote}"
        return text

    lines = [separator.join(map(field, row)) + dialect["end"] for row in rows]
    return "".join(lines).encode(dialect["encoding"])


def records(text: str, quote: str) -> int:
    """Line ends outside of quotes; of doubled quotes, each ends a quoted piece or begins one."""
    outside = re.sub(f"{quote}[^{quote}]*{quote}", "", text)
    return len(re.findall("\r\n|\r|\n", outside))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], dict[str, str]]:
    dialect = draw(dialects())
    one_byte = dialect["encoding"] in ("cp1252", "latin-1")
    width = draw(st.integers(1, 4))
    row = st.lists(western if one_byte else texts, min_size=width, max_size=width)
    return draw(st.lists(row, min_size=1, max_size=7)), dialect


def form_of(dialect: dict[str, str], **changes: Any) -> reading.TextFormat:
    kept = {key: dialect[key] for key in ("separator", "quote", "encoding")}
    return reading.TextFormat(**{"decimal": ".", "na_values": [], **kept, **changes})


def test_what_is_written_in_a_stated_dialect_is_read_back_or_refused(
    raw: Callable[..., Path],
) -> None:
    equal: list[int] = []
    refusals: list[str] = []

    @settings(few, max_examples=60)
    @given(tables())
    def read(drawn: tuple[list[list[str]], dict[str, str]]) -> None:
        rows, dialect = drawn
        header = [f"c{number}" for number in range(len(rows[0]))]
        content = written([header, *rows], dialect)
        text = content.decode(dialect["encoding"]).removeprefix("\ufeff")
        assert records(text, dialect["quote"]) == len(rows) + 1
        try:
            found = reading.read("data/raw/a.csv", raw("a.csv", content), form_of(dialect))
        except UserError as error:
            refusals.append(str(error))
        else:
            assert found.to_numpy().tolist() == rows
            equal.append(len(rows))

    read()
    assert len(equal) > len(refusals)
    assert all(any(known in each for known in REFUSALS) for each in refusals), refusals
    assert all(each.startswith("data/raw/a.csv") for each in refusals)


# Columns of every type

numbers = st.one_of(
    st.integers(-(2**53), 2**53).map(float),
    st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
)
days = st.dates(datetime.date(1700, 1, 1), datetime.date(2200, 1, 1))
instants = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))
words = st.sampled_from(["x", "a b", "Köln", 'say "so"', "1st", "é,è", "two\nlines", "NaN?"])
COLUMNS: dict[str, tuple[st.SearchStrategy[Any], ColumnType]] = {
    "whole": (st.integers(-(2**53) + 1, 2**53 - 1), "number"),
    "number": (numbers, "number"),
    "day": (days, "date"),
    "instant": (instants, "date"),
    "flag": (st.booleans(), "category"),
    "word": (words, "category"),
}

Row = dict[str, Any]


@st.composite
def optional_rows(draw: st.DrawFn, least: int, most: int) -> list[Row]:
    """Rows, a few of whose values are missing, but none of the first."""
    whole = st.fixed_dictionaries({name: of for name, (of, _) in COLUMNS.items()})
    rows = draw(st.lists(whole, min_size=least, max_size=most))
    places = st.tuples(st.integers(1, most), st.sampled_from([*COLUMNS]))
    for row, name in draw(st.lists(places, max_size=4)):
        rows[min(row, len(rows) - 1)][name] = None if len(rows) > 1 else rows[0][name]
    return rows


def as_text(value: Any, decimal: str = ".") -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value).replace(".", decimal)
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def as_json(rows: list[Row]) -> str:
    plain = [
        {
            name: each.isoformat() if isinstance(each, datetime.date) else each
            for name, each in row.items()
        }
        for row in rows
    ]
    return "".join(json.dumps(row) + "\n" for row in plain)


def as_parquet(rows: list[Row], path: Path) -> None:
    types = {
        "whole": pa.int64(),
        "number": pa.float64(),
        "day": pa.date32(),
        "instant": pa.timestamp("us"),
        "flag": pa.bool_(),
        "word": pa.string(),
    }
    arrays = {name: pa.array([row[name] for row in rows], types[name]) for name in types}
    parquet.write_table(pa.table(arrays), path)


@pytest.mark.parametrize("decimal", [".", ","])
def test_every_kind_of_file_has_the_same_values_and_labels(
    raw: Callable[..., Path], decimal: str
) -> None:
    @few
    @given(optional_rows(1, 6), dialects())
    def read(rows: list[Row], dialect: dict[str, str]) -> None:
        dialect = {**dialect, "encoding": "utf-8", "end": "\n", "quoted": "all"}
        cells = [[as_text(row[name], decimal) for name in COLUMNS] for row in rows]
        root = raw("a.csv", written([[*COLUMNS], *cells], dialect))
        raw("a.jsonl", as_json(rows))
        as_parquet(rows, root / "data/raw/a.parquet")
        found = {}
        for ending in ("csv", "jsonl", "parquet"):
            form = form_of(dialect, decimal=decimal if ending == "csv" else ".", na_values=[""])
            frame = reading.read(f"data/raw/a.{ending}", root, form)
            reader = Reader(ending, form.decimal, None)
            typed = {name: reader.convert(frame[name], None) for name in COLUMNS}
            assert {name: kind for name, (_, kind) in typed.items()} == {
                name: kind for name, (_, kind) in COLUMNS.items()
            }
            named = [
                [None if pd.isna(each) else each for each in labels(frame[name])]
                for name in ("whole", "day", "flag", "word")
            ]
            of_numbers = labels(frame["number"]).tolist() if decimal == "." else None
            found[ending] = pd.DataFrame({name: of for name, (of, _) in typed.items()}), named
            assert of_numbers is None or of_numbers[0] == repr(rows[0]["number"])
        for ending in ("jsonl", "parquet"):
            pd.testing.assert_frame_equal(found[ending][0], found["csv"][0], check_exact=True)
            assert found[ending][1] == found["csv"][1]
        assert found["csv"][0]["number"][0] == rows[0]["number"]

    read()


@pytest.mark.parametrize("missing", ["drop", "impute"])
def test_rows_in_are_rows_out_and_those_counted_as_dropped(
    raw: Callable[..., Path], settings_for: Callable[..., Any], missing: str
) -> None:
    dropped: list[int] = []
    refusals: list[str] = []

    @few
    @given(optional_rows(12, 20), dialects())
    def read(rows: list[Row], dialect: dict[str, str]) -> None:
        dialect = {**dialect, "encoding": "utf-8"}
        rows = [{**row, "y": place % 5} for place, row in enumerate(rows)]
        cells = [[as_text(row[name]) for name in (*COLUMNS, "y")] for row in rows]
        content = written([[*COLUMNS, "y"], *cells], dialect)
        form = form_of(dialect, na_values=[""]).model_dump()
        given_settings = settings_for(
            "table", path="data/raw/a.csv", target="y", format=form, missing=missing
        )
        try:
            source = table.read(given_settings, raw("a.csv", content))
        except UserError as error:
            refusals.append(str(error))
            return
        within = int((source.part_of_row >= 0).sum())
        out = sum(source.counts.get("rows_dropped", {}).values())  # type: ignore[union-attr]
        dropped.append(out)
        assert within + out == records(content.decode(), dialect["quote"]) - 1 == len(rows)

    read()
    assert len(dropped) > 5
    known = (*REFUSALS, "no row is left", "is empty: ", "has no values")
    assert all(any(words in each for words in known) for each in refusals), refusals
    assert (max(dropped) > 0) == (missing == "drop")
