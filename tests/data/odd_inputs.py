"""Odd inputs, each with what becomes of it: the table that `docs/odd_inputs.md` shows."""

import datetime
import io
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from plait.data import reading
from plait.data.column_types import Reader
from plait.errors import UserError


@dataclass(frozen=True)
class Odd:
    """A file that somebody might have."""

    name: str
    content: bytes | pa.Array
    """Of a CSV file, or the column ``c`` of a Parquet file."""
    outcome: str
    """Columns as they are read, or the words of the refusal."""
    form: dict[str, Any] = field(default_factory=dict)
    """What differs from ``conf/data/table.yaml`` in ``data.format``, or the ``date_format``."""

    @property
    def ending(self) -> str:
        return "csv" if isinstance(self.content, bytes) else "parquet"

    @property
    def written(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content
        sink = io.BytesIO()
        parquet.write_table(pa.table({"c": self.content}), sink)
        return sink.getvalue()


def outcome_of(odd: Odd, root: Any, form: dict[str, Any]) -> str:
    """What becomes of it: by column its type and values; or why it is refused.

    :param root: of a project in which its file lies.
    :param form: the section ``data.format`` of ``conf/data/table.yaml``.
    """
    stated = {**form, **{key: each for key, each in odd.form.items() if key != "date_format"}}
    name = f"odd.{odd.ending}"
    try:
        frame = reading.read(f"data/raw/{name}", root, reading.TextFormat(**stated))
        reader = Reader(name, stated["decimal"], odd.form.get("date_format"))
        read = {str(each): reader.convert(frame[each], None) for each in frame.columns}
        reader.refuse_idle_format((frame[each], kind) for each, (_, kind) in read.items())
    except UserError as error:
        return "refused: " + " ".join(str(error).removeprefix("data/raw/").split())
    return "; ".join(
        f"{each}: {kind} {', '.join(map(_shown, values))}"
        for each, (values, kind) in read.items()
        if each != "y"
    )


def _shown(value: Any) -> str:
    if pd.isna(value):
        return "missing"
    return ascii(value) if isinstance(value, str) else str(value)


def page() -> str:
    """``docs/odd_inputs.md``."""
    rows = [
        f"| {odd.name} | {_cell(repr(odd.content) if odd.ending == 'csv' else odd.content.type)} |"
        f" {_cell(', '.join(f'{key}: {each!r}' for key, each in odd.form.items()))} |"
        f" {_cell(odd.outcome)} |"
        for odd in ODD
    ]
    return "\n".join([HEAD, *rows]) + "\n"


def _cell(value: object) -> str:
    text = str(value).replace("|", "\\|").replace("`", "'")
    return f"`{text}`" if text else ""


HEAD = """# Odd inputs

What becomes of files as people have them: read exactly, or refused in a line. Of columns, their type and
values; the settings are those of `conf/data/table.yaml` but where another is stated. `plait new` proposes
many of those by itself (`plait inspect FILE` shows which). `tests/data/test_odd_inputs.py` reads each.

| input | its bytes, or the type of its column in Parquet | stated | outcome |
|---|---|---|---|"""


ODD = (
    Odd("thousands by commas", b'c,y\n"1,200",0\n"3,400",1\n', "c: number 1200.0, 3400.0"),
    Odd(
        "thousands of Indian grouping",
        b'c,y\n"12,34,567",0\n"1,00,000",1\n',
        "c: category '12,34,567', '1,00,000'",
    ),
    Odd("thousands by apostrophes", b'c,y\n"1\'200",0\n"3\'400.5",1\n', "c: number 1200.0, 3400.5"),
    Odd(
        "thousands by no-break spaces",
        'c,y\n"1\xa0200",0\n"3\xa0400",1\n'.encode(),
        "c: number 1200.0, 3400.0",
    ),
    Odd(
        "thousands by narrow no-break spaces", 'c,y\n"1\u202f200",0\n'.encode(), "c: number 1200.0"
    ),
    Odd(
        "thousands by ordinary spaces",
        b'c,y\n"1 200",0\n"3 400",1\n',
        "c: category '1 200', '3 400'",
    ),
    Odd(
        "decimal commas, stated",
        b'c,y\n"1,5",0\n"2,25",1\n',
        "c: number 1.5, 2.25",
        {"decimal": ","},
    ),
    Odd(
        "decimal commas, not stated",
        b'c,y\n"1,5",0\n"2,25",1\n',
        "refused: odd.csv: column 'c', row 0: '1,5' has a comma, and data.format.decimal is '.'; set it to ',', or set data.types.c to category",
    ),
    Odd(
        "points where commas are stated",
        b'c,y\n"1.5",0\n"2.25",1\n',
        "refused: odd.csv: column 'c', row 0: '1.5' has a point, and data.format.decimal is ','; set it to '.', or set data.types.c to category",
        {"decimal": ","},
    ),
    Odd(
        "a lone group beside decimal commas",
        b'c,y\n"1.200",0\n"3.400",1\n',
        "refused: odd.csv: column 'c', row 0: '1.200' has a point, and data.format.decimal is ','; set it to '.', or set data.types.c to category",
        {"decimal": ","},
    ),
    Odd(
        "groups that decimals make certain",
        b'c,y\n"1.200,5",0\n"3.400",1\n',
        "c: number 1200.5, 3400.0",
        {"decimal": ","},
    ),
    Odd(
        "two groups of different signs",
        b'c,y\n"1,200.300,5",0\n"7",1\n',
        "c: category '1,200.300,5', '7'",
    ),
    Odd("percent", b'c,y\n"12 %",0\n"3.5%",1\n', "c: number 12.0, 3.5"),
    Odd(
        "percent and plain",
        b'c,y\n"12%",0\n"3",1\n',
        "refused: odd.csv: column 'c' mixes numbers with % and without; mend it, or set data.types.c to category",
    ),
    Odd("dollars", b'c,y\n"$10",0\n"$3.50",1\n', "c: number 10.0, 3.5"),
    Odd(
        "two currencies",
        'c,y\n"$10",0\n"\u20ac3",1\n'.encode(),
        "refused: odd.csv: column 'c' mixes $ and €; mend it, or set data.types.c to category",
    ),
    Odd("amounts after codes", b'c,y\n"CHF 10",0\n"CHF 3.50",1\n', "c: number 10.0, 3.5"),
    Odd("accountants' parentheses", b'c,y\n"(3.00)",0\n"4.00",1\n', "c: number -3.0, 4.0"),
    Odd("parentheses and a minus", b'c,y\n"(-3)",0\n"4",1\n', "c: category '(-3)', '4'"),
    Odd("a Unicode minus", 'c,y\n"\u22123",0\n"4",1\n'.encode(), "c: number -3.0, 4.0"),
    Odd("an en dash for minus", 'c,y\n"\u20133",0\n"4",1\n'.encode(), "c: number -3.0, 4.0"),
    Odd("a minus after the number", b'c,y\n"3-",0\n"4-",1\n', "c: category '3-', '4-'"),
    Odd("plus signs", b'c,y\n"+3",0\n"+4",1\n', "c: number 3.0, 4.0"),
    Odd("a double minus", b'c,y\n"--3",0\n"4",1\n', "c: category '--3', '4'"),
    Odd("exponents", b'c,y\n"1e5",0\n"2E-3",1\n', "c: number 100000.0, 0.002"),
    Odd("exponents without digits", b'c,y\n"1e",0\n"2e",1\n', "c: category '1e', '2e'"),
    Odd("Fortran exponents", b'c,y\n"1d5",0\n"2d5",1\n', "c: category '1d5', '2d5'"),
    Odd("hexadecimal", b'c,y\n"0x10",0\n"0xff",1\n', "c: category '0x10', '0xff'"),
    Odd("underscores", b'c,y\n"1_000",0\n"2_000",1\n', "c: category '1_000', '2_000'"),
    Odd("fractions", b'c,y\n"1/2",0\n"3/4",1\n', "c: category '1/2', '3/4'"),
    Odd("superscripts", 'c,y\n"2\xb2",0\n"3\xb2",1\n'.encode(), "c: category '2\\xb2', '3\\xb2'"),
    Odd(
        "full-width digits",
        'c,y\n"\uff11",0\n"\uff12",1\n'.encode(),
        "c: category '\\uff11', '\\uff12'",
    ),
    Odd(
        "Arabic digits",
        'c,y\n"\u0661",0\n"\u0662",1\n'.encode(),
        "c: category '\\u0661', '\\u0662'",
    ),
    Odd(
        "infinity",
        b'c,y\n"inf",0\n"1",1\n',
        "refused: odd.csv: column 'c', row 0: inf is infinite; mend it or make it a missing value",
    ),
    Odd(
        "minus infinity",
        b'c,y\n"-Infinity",0\n"1",1\n',
        "refused: odd.csv: column 'c', row 0: -Infinity is infinite; mend it or make it a missing value",
    ),
    Odd(
        "more than float64 holds",
        b'c,y\n"1e400",0\n"1",1\n',
        "refused: odd.csv: column 'c', row 0: 1e400 is infinite; mend it or make it a missing value",
    ),
    Odd(
        "less than float64 holds",
        b'c,y\n"1e-400",0\n"1",1\n',
        "refused: odd.csv: column 'c', row 0: '1e-400' is smaller than any number of float64; write 0, or set data.types.c to category",
    ),
    Odd("the smallest float64", b'c,y\n"5e-324",0\n"1",1\n', "c: number 5e-324, 1.0"),
    Odd(
        "a whole number of 17 digits",
        b'c,y\n"12345678901234567",0\n"1",1\n',
        "refused: odd.csv: column 'c', row 0: '12345678901234567' has more digits than a number keeps (float64); set data.types.c to category, or drop the column",
    ),
    Odd(
        "a whole number of 20 zeros",
        b'c,y\n"100000000000000000000",0\n"1",1\n',
        "c: number 1e+20, 1.0",
    ),
    Odd(
        "an odd number above 2**53",
        b'c,y\n"9007199254740993",0\n"1",1\n',
        "refused: odd.csv: column 'c', row 0: '9007199254740993' has more digits than a number keeps (float64); set data.types.c to category, or drop the column",
    ),
    Odd("2**53 itself", b'c,y\n"9007199254740992",0\n"1",1\n', "c: number 9007199254740992.0, 1.0"),
    Odd(
        "many decimals",
        b'c,y\n"0.1000000000000000055511151231257827",0\n"1",1\n',
        "c: number 0.1, 1.0",
    ),
    Odd("a point before digits", b'c,y\n".5",0\n".25",1\n', "c: number 0.5, 0.25"),
    Odd("a point after digits", b'c,y\n"5.",0\n"7.",1\n', "c: number 5.0, 7.0"),
    Odd("minus zero", b'c,y\n"-0.0",0\n"0",1\n', "c: number -0.0, 0.0"),
    Odd("spaces around", b'c,y\n" 5 ",0\n"\t7",1\n', "c: number 5.0, 7.0"),
    Odd("a line break after", b'c,y\n"5\n",0\n"7",1\n', "c: number 5.0, 7.0"),
    Odd(
        "one word among eleven numbers",
        b'c,y\n"1",0\n"2",1\n"3",2\n"4",3\n"5",4\n"6",5\n"7",6\n"8",7\n"9",8\n"10",9\n"x",10\n',
        "refused: odd.csv: column 'c', row 10: 'x' is not a number; mend it, or add it to data.format.na_values, or set data.types.c to category",
    ),
    Odd(
        "two words among eleven",
        b'c,y\n"1",0\n"2",1\n"3",2\n"4",3\n"5",4\n"6",5\n"7",6\n"8",7\n"9",8\n"x",9\n"y",10\n',
        "c: category '1', '2', '3', '4', '5', '6', '7', '8', '9', 'x', 'y'",
    ),
    Odd("leading zeros", b'c,y\n"007",0\n"012",1\n', "c: number 7.0, 12.0"),
    Odd("truth values", b'c,y\n"True",0\n"False",1\n', "c: category 'True', 'False'"),
    Odd("yes and no", b'c,y\n"yes",0\n"no",1\n', "c: category 'yes', 'no'"),
    Odd("a version", b'c,y\n"1.2.3",0\n"1.2.4",1\n', "c: category '1.2.3', '1.2.4'"),
    Odd("times of day", b'c,y\n"10:30",0\n"11:45",1\n', "c: category '10:30', '11:45'"),
    Odd("degrees", 'c,y\n"5\xb0",0\n"7\xb0",1\n'.encode(), "c: category '5\\xb0', '7\\xb0'"),
    Odd("the word None", b'c,y\n"None",0\n"a",1\n', "c: category missing, 'a'"),
    Odd("the word NULL among numbers", b'c,y\n"NULL",0\n"3",1\n', "c: number missing, 3.0"),
    Odd("nan in small letters", b'c,y\n"nan",0\n"3",1\n', "c: number missing, 3.0"),
    Odd(
        "na in small letters",
        b'c,y\n"na",0\n"3",1\n"4",2\n"5",3\n"6",4\n"7",5\n"8",6\n"9",7\n"10",8\n"11",9\n"12",10\n',
        "refused: odd.csv: column 'c', row 0: 'na' is not a number; mend it, or add it to data.format.na_values, or set data.types.c to category",
    ),
    Odd(
        "n/a, stated",
        b'c,y\n"n/a",0\n"3",1\n',
        "c: number missing, 3.0",
        {"na_values": ["", "n/a"]},
    ),
    Odd("a space for nothing", b'c,y\n" ",0\n"3",1\n', "c: category ' ', '3'"),
    Odd(
        "nothing but missing values",
        b'c,y\n"",0\n"NA",1\n',
        "refused: odd.csv: column 'c' has no values; drop it",
    ),
    Odd("Excel's #N/A", b'c,y\n"#N/A",0\n"3",1\n', "c: category '#N/A', '3'"),
    Odd(
        "ISO dates",
        b'c,y\n"2024-01-31",0\n"2024-02-29",1\n',
        "c: date 2024-01-31 00:00:00, 2024-02-29 00:00:00",
    ),
    Odd(
        "ISO dates with slashes",
        b'c,y\n"2024/01/31",0\n"2024/02/01",1\n',
        "c: date 2024-01-31 00:00:00, 2024-02-01 00:00:00",
    ),
    Odd(
        "ISO dates without zeros",
        b'c,y\n"2024-1-5",0\n"2024-2-1",1\n',
        "c: date 2024-01-05 00:00:00, 2024-02-01 00:00:00",
    ),
    Odd(
        "a day that there is not",
        b'c,y\n"2023-02-29",0\n"2023-02-28",1\n',
        "c: category '2023-02-29', '2023-02-28'",
    ),
    Odd(
        "a month",
        b'c,y\n"2024-01",0\n"2024-02",1\n',
        "c: date 2024-01-01 00:00:00, 2024-02-01 00:00:00",
    ),
    Odd("years", b'c,y\n"2024",0\n"2025",1\n', "c: number 2024.0, 2025.0"),
    Odd("ISO weeks", b'c,y\n"2024-W05",0\n"2024-W06",1\n', "c: category '2024-W05', '2024-W06'"),
    Odd(
        "instants of a zone",
        b'c,y\n"2024-01-31T10:00:00+02:00",0\n"2024-01-31T10:00:00Z",1\n',
        "c: date 2024-01-31 08:00:00, 2024-01-31 10:00:00",
    ),
    Odd(
        "nanoseconds",
        b'c,y\n"2024-01-31T10:00:00.123456789",0\n"2024-01-31",1\n',
        "refused: odd.csv: column 'c', row 0: '2024-01-31T10:00:00.123456789' is not kept by a date in microseconds; round it, or set data.types.c to category",
    ),
    Odd(
        "24 hours",
        b'c,y\n"2024-01-31T24:00:00",0\n"2024-01-31T23:00:00",1\n',
        "c: category '2024-01-31T24:00:00', '2024-01-31T23:00:00'",
    ),
    Odd(
        "a leap second",
        b'c,y\n"2016-12-31T23:59:60",0\n"2016-12-31T23:59:59",1\n',
        "c: category '2016-12-31T23:59:60', '2016-12-31T23:59:59'",
    ),
    Odd(
        "German dates, not stated",
        b'c,y\n"31.12.2024",0\n"01.02.2024",1\n',
        "c: category '31.12.2024', '01.02.2024'",
    ),
    Odd(
        "German dates, stated",
        b'c,y\n"31.12.2024",0\n"01.02.2024",1\n',
        "c: date 2024-12-31 00:00:00, 2024-02-01 00:00:00",
        {"date_format": "%d.%m.%Y"},
    ),
    Odd(
        "a format that fits no column",
        b'c,y\n"a",0\n"b",1\n',
        "refused: data.date_format: %d.%m.%Y fits no column of odd.csv that is read as dates; correct it, or set it to null",
        {"date_format": "%d.%m.%Y"},
    ),
    Odd(
        "digits that adjoin, stated",
        b'c,y\n"31122024",0\n"01022024",1\n',
        "c: date 2024-12-31 00:00:00, 2024-02-01 00:00:00",
        {"date_format": "%d%m%Y"},
    ),
    Odd(
        "digits that adjoin, one short",
        b'c,y\n"1112024",0\n"11122024",1\n',
        "refused: data.date_format: %d%m%Y fits no column of odd.csv that is read as dates; correct it, or set it to null",
        {"date_format": "%d%m%Y"},
    ),
    Odd("the word today", b'c,y\n"today",0\n"now",1\n', "c: category 'today', 'now'"),
    Odd(
        "today among dates",
        b'c,y\n"2024-01-01",0\n"2024-01-01",1\n"2024-01-01",2\n"2024-01-01",3\n"2024-01-01",4\n"2024-01-01",5\n"2024-01-01",6\n"2024-01-01",7\n"2024-01-01",8\n"today",9\n',
        "refused: odd.csv: column 'c', row 9: 'today' is not an ISO 8601 date; mend it, or add it to data.format.na_values, or set data.types.c to category",
    ),
    Odd(
        "the year 1",
        b'c,y\n"0001-01-01",0\n"0002-01-01",1\n',
        "c: date 0001-01-01 00:00:00, 0002-01-01 00:00:00",
    ),
    Odd(
        "the year 9999",
        b'c,y\n"9999-12-31",0\n"9999-12-30",1\n',
        "c: date 9999-12-31 00:00:00, 9999-12-30 00:00:00",
    ),
    Odd(
        "the year 10000",
        b'c,y\n"10000-01-01",0\n"10000-01-02",1\n',
        "c: category '10000-01-01', '10000-01-02'",
    ),
    Odd("empty quoted text", b'c,y\n"",0\n"a",1\n', "c: category '', 'a'", {"na_values": []}),
    Odd(
        "a lone apostrophe",
        b'c,y\n"it\'s",0\n"\'quoted\'",1\n',
        'c: category "it\'s", "\'quoted\'"',
    ),
    Odd(
        "a zero-width space",
        'c,y\n"a\u200bb",0\n"ab",1\n'.encode(),
        "c: category 'a\\u200bb', 'ab'",
    ),
    Odd(
        "two forms of one letter",
        'c,y\n"\xe9",0\n"e\u0301",1\n'.encode(),
        "c: category '\\xe9', 'e\\u0301'",
    ),
    Odd(
        "an emoji of several characters",
        'c,y\n"\U0001f468\u200d\U0001f469\u200d\U0001f467",0\n"x",1\n'.encode(),
        "c: category '\\U0001f468\\u200d\\U0001f469\\u200d\\U0001f467', 'x'",
    ),
    Odd(
        "a line separator of Unicode",
        'c,y\n"a\u2028b",0\n"c",1\n'.encode(),
        "c: category 'a\\u2028b', 'c'",
    ),
    Odd(
        "an escape of terminals",
        b'c,y\n"\x1b[31mred",0\n"x",1\n',
        "c: category '\\x1b[31mred', 'x'",
    ),
    Odd("formulas", b'c,y\n"=1+1",0\n"=A1",1\n', "c: category '=1+1', '=A1'"),
    Odd("capitals that differ", b'c,y\n"Bonn",0\n"bonn",1\n', "c: category 'Bonn', 'bonn'"),
    Odd("spaces that differ", b'c,y\n"Bonn",0\n"Bonn ",1\n', "c: category 'Bonn', 'Bonn '"),
    Odd("an empty file", b"", "refused: odd.csv is empty"),
    Odd("only a header", b"a,b\n", "refused: odd.csv has no rows"),
    Odd("only line ends", b"\n\n\n", "refused: odd.csv has no header and no rows"),
    Odd("no line end at the end", b"a,b\n1,2", "a: number 1.0; b: number 2.0"),
    Odd("a blank line within", b"a,b\n1,2\n\n3,4\n", "a: number 1.0, 3.0; b: number 2.0, 4.0"),
    Odd("blank lines first", b"\n\na,b\n1,2\n", "a: number 1.0; b: number 2.0"),
    Odd("line ends of old Macs", b"a,b\r1,2\r3,4\r", "a: number 1.0, 3.0; b: number 2.0, 4.0"),
    Odd("line ends of Windows", b"a,b\r\n1,2\r\n", "a: number 1.0; b: number 2.0"),
    Odd("line ends of two kinds", b"a,b\r\n1,2\n3,4\r\n", "a: number 1.0, 3.0; b: number 2.0, 4.0"),
    Odd(
        "a row that is short",
        b"a,b\n1,2\n3\n",
        "refused: odd.csv: Expected 2 fields in line 3, saw 1: fewer columns than the header; write an empty value for one that is missing, and quote text of several lines",
    ),
    Odd(
        "a row that is long",
        b"a,b\n1,2\n3,4,5\n",
        "refused: odd.csv: Expected 2 fields in line 3, saw 3: more columns than the header; is the separator ',' right, and is text that holds it quoted?",
    ),
    Odd(
        "a separator at each end",
        b"a,b,\n1,2,\n",
        "refused: odd.csv: column 3 has no name in the header; give it one, or drop it (pandas writes its index so: to_csv(index=False) does not)",
    ),
    Odd(
        "a comment first",
        b"# made by hand\na,b\n1,2\n",
        "refused: odd.csv: Expected 1 fields in line 2, saw 2: more columns than the header (and 1 more such rows); is the separator ',' right, and is text that holds it quoted?",
    ),
    Odd(
        "a sum below",
        b"a,b\n1,2\n3,4\nTotal,6,\n",
        "refused: odd.csv: Expected 2 fields in line 4, saw 3: more columns than the header; is the separator ',' right, and is text that holds it quoted?",
    ),
    Odd("two headers", b"a,b\na,b\n1,2\n", "a: category 'a', '1'; b: category 'b', '2'"),
    Odd(
        "a name that stands twice",
        b"a,a\n1,2\n",
        "refused: odd.csv: columns 1 and 2 are both named 'a'; rename one",
    ),
    Odd(
        "a column without a name",
        b",b\n1,2\n",
        "refused: odd.csv: column 1 has no name in the header; give it one, or drop it (pandas writes its index so: to_csv(index=False) does not)",
    ),
    Odd("a header of numbers", b"1,2\n3,4\n", "1: number 3.0; 2: number 4.0"),
    Odd("one column", b"a\n1\n2\n", "a: number 1.0, 2.0"),
    Odd("one column with an empty line", b"a\nx\n\ny\n", "a: category 'x', missing, 'y'"),
    Odd(
        "semicolons, not stated",
        b"a;b\n1;2\n",
        "refused: odd.csv has one column, 'a;b', with the separator ','; the separator looks like a semicolon: ';'",
    ),
    Odd("semicolons, stated", b"a;b\n1;2\n", "a: number 1.0; b: number 2.0", {"separator": ";"}),
    Odd("Excel's word on the separator", b"sep=;\na;b\n1;2\n", "a: number 1.0; b: number 2.0"),
    Odd("Excel's word in quotes", b'"sep=;"\na;b\n1;2\n', "a: number 1.0; b: number 2.0"),
    Odd(
        "tabs, not stated",
        b"a\tb\n1\t2\n",
        "refused: odd.csv has one column, 'a\\tb', with the separator ','; the separator looks like a tab: '\\t'",
    ),
    Odd(
        "a quote that closes nowhere",
        b'a,b\n"1,2\n3,4\n',
        "refused: odd.csv, line 2: the quote that opens here never closes; set format.quote: null if quotes enclose nothing in this file",
    ),
    Odd("a quote in mid-field", b'a,b\n5" wide,2\n', "a: category '5\" wide'; b: number 2.0"),
    Odd(
        "quotes by backslashes",
        b'a,b\n"he \\"said\\"",2\n',
        "refused: odd.csv, line 2: the quote that opens here closes in line 2 before 'said\\\\\"\",2', in mid-field; double the quotes within quoted text, or set format.quote: null if quotes enclose nothing in this file",
    ),
    Odd("quotes doubled", b'a,b\n"he ""said""",2\n', "a: category 'he \"said\"'; b: number 2.0"),
    Odd(
        "quotes that swallow rows",
        b'a,b\n"x,1\ny,2\nz",3\n',
        "refused: odd.csv, line 2: the quote that opens here closes in line 4, and what it encloses looks like rows; set format.quote: null if quotes enclose nothing in this file, else write the table as Parquet",
        {"separator": ","},
    ),
    Odd(
        "quotes that enclose nothing",
        b'a,b\n"x,1\ny",2\n',
        "a: category '\"x', 'y\"'; b: number 1.0, 2.0",
        {"quote": None},
    ),
    Odd(
        "single quotes, stated",
        b"a,b\n'x,y',2\n",
        "a: category 'x,y'; b: number 2.0",
        {"quote": "'"},
    ),
    Odd("a space before a quote", b'a,b\n"x", "y"\n', "a: category 'x'; b: category ' \"y\"'"),
    Odd(
        "JSON in a cell",
        b'a,b\n"{""k"": [1, 2]}",2\n',
        "a: category '{\"k\": [1, 2]}'; b: number 2.0",
    ),
    Odd(
        "a NUL character",
        b"a,b\n1\x002,3\n",
        "refused: odd.csv, line 2: holds a NUL character ('\\x00'); take it out",
    ),
    Odd("a mark of UTF-8", "\ufeffa,b\n1,2\n".encode(), "a: number 1.0; b: number 2.0"),
    Odd(
        "UTF-16 with its mark",
        b"\xff\xfea\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x00",
        "refused: odd.csv is not utf-8 (byte 0xff, line 1); set its encoding, perhaps utf-16",
    ),
    Odd(
        "UTF-16, stated",
        b"\xff\xfea\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x00",
        "a: number 1.0; b: number 2.0",
        {"encoding": "utf-16"},
    ),
    Odd(
        "UTF-16 without a mark",
        b"a\x00,\x00b\x00\n\x001\x00,\x002\x00\n\x00",
        "refused: odd.csv is not utf-8; set its encoding, perhaps utf-16-le",
    ),
    Odd(
        "UTF-16 of the other order",
        b"\x00a\x00,\x00b\x00\n\x001\x00,\x002\x00\n",
        "refused: odd.csv is not utf-8; set its encoding, perhaps utf-16-be",
    ),
    Odd(
        "UTF-16 cut off",
        b"\xff\xfea\x00,\x00b\x00\n\x001\x00,\x002\x00\n",
        "refused: odd.csv is not utf-16 (byte 0x0a, line 2); is it cut off?",
        {"encoding": "utf-16"},
    ),
    Odd(
        "UTF-32",
        b"\xff\xfe\x00\x00a\x00\x00\x00,\x00\x00\x00b\x00\x00\x00\n\x00\x00\x001\x00\x00\x00,\x00\x00\x002\x00\x00\x00\n\x00\x00\x00",
        "refused: odd.csv is not utf-8 (byte 0xff, line 1); set its encoding, perhaps utf-32",
    ),
    Odd(
        "what Windows writes",
        b"a,b\nK\xf6ln,2\n",
        "refused: odd.csv is not utf-8 (byte 0xf6, line 2); set its encoding, perhaps cp1252",
    ),
    Odd(
        "what Windows writes, stated",
        b"a,b\nK\xf6ln,2\n",
        "a: category 'K\\xf6ln'; b: number 2.0",
        {"encoding": "cp1252"},
    ),
    Odd(
        "curly quotes by latin-1",
        b"a,b\n\x93x\x94,2\n",
        "refused: odd.csv, line 2: holds a control character ('\\x93') by latin-1; set its encoding, perhaps cp1252",
        {"encoding": "latin-1"},
    ),
    Odd(
        "UTF-8 by cp1252",
        "a,b\nK\xf6ln,2\n".encode(),
        "refused: odd.csv is utf-8, not cp1252; set its encoding to utf-8",
        {"encoding": "cp1252"},
    ),
    Odd(
        "Shift-JIS",
        b"a,b\n\x82\xb3\x82\xad\x82\xe7,2\n",
        "refused: odd.csv is not utf-8 (byte 0x82, line 2); set its encoding, perhaps cp932",
    ),
    Odd(
        "Shift-JIS, stated",
        b"a,b\n\x82\xb3\x82\xad\x82\xe7,2\n",
        "a: category '\\u3055\\u304f\\u3089'; b: number 2.0",
        {"encoding": "shift_jis"},
    ),
    Odd(
        "half of a character",
        b"a,b\nK\xc3",
        "refused: odd.csv is not utf-8 (byte 0xc3, line 2); set its encoding, perhaps cp1252",
    ),
    Odd(
        "gzip by the name of CSV",
        b"\x1f\x8b\x08\x00aaaa",
        "refused: odd.csv is compressed by gzip, not what its ending .csv says",
    ),
    Odd(
        "an Excel workbook by the name of CSV",
        b"PK\x03\x04aaaa",
        "refused: odd.csv is a zip archive or an Excel workbook, not what its ending .csv says",
    ),
    Odd(
        "Parquet by the name of CSV",
        b"PAR1aaaaPAR1",
        "refused: odd.csv is a Parquet file, not what its ending .csv says",
    ),
    Odd(
        "a web page by the name of CSV",
        b"<!DOCTYPE html><p>404</p>",
        "refused: odd.csv is a web page, not what its ending .csv says",
    ),
    Odd("whole numbers of 8 bits", pa.array([1, None], pa.int8()), "c: number 1.0, missing"),
    Odd(
        "unsigned numbers above 2**63",
        pa.array([2**64 - 1, 1], pa.uint64()),
        "refused: odd.parquet: column 'c', row 0: 18446744073709551615 has more digits than a number keeps (float64); set data.types.c to category, or drop the column",
    ),
    Odd("NaN and null", pa.array([float("nan"), None, 1.0]), "c: number missing, missing, 1.0"),
    Odd(
        "infinity in Parquet",
        pa.array([float("inf"), 1.0]),
        "refused: odd.parquet: column 'c', row 0: inf is infinite; mend it or make it a missing value",
    ),
    Odd("truth values in Parquet", pa.array([True, None]), "c: category 'true', missing"),
    Odd("decimals", pa.array([Decimal("1.50"), None]), "c: number 1.5, missing"),
    Odd(
        "a dictionary",
        pa.array(["a", "b", None]).dictionary_encode(),
        "c: category 'a', 'b', missing",
    ),
    Odd(
        "lists",
        pa.array([[1], [2]]),
        "refused: odd.parquet: column 'c' holds list<element: int64>; plait reads numbers, texts and dates: convert it",
    ),
    Odd(
        "structs",
        pa.array([{"a": 1}]),
        "refused: odd.parquet: column 'c' holds struct<a: int64>; plait reads numbers, texts and dates: convert it",
    ),
    Odd(
        "bytes",
        pa.array([b"x"]),
        "refused: odd.parquet: column 'c' holds binary; plait reads numbers, texts and dates: convert it",
    ),
    Odd(
        "times of day in Parquet",
        pa.array([datetime.time(1)]),
        "refused: odd.parquet: column 'c' holds time64[us]; plait reads numbers, texts and dates: convert it",
    ),
    Odd(
        "spans of time",
        pa.array([datetime.timedelta(1)]),
        "refused: odd.parquet: column 'c' holds duration[us]; plait reads numbers, texts and dates: convert it",
    ),
    Odd(
        "instants between microseconds",
        pa.array([1], pa.timestamp("ns")),
        "refused: odd.parquet: column 'c', row 0: 1970-01-01 00:00:00.000000001 is not kept by a date in microseconds; round it, or write it as text",
    ),
    Odd(
        "instants of a zone in Parquet",
        pa.array([0, None], pa.timestamp("us", "Europe/Berlin")),
        "c: date 1970-01-01 00:00:00, missing",
    ),
    Odd("nothing but null", pa.nulls(2), "refused: odd.parquet: column 'c' has no values; drop it"),
    Odd("numbers as texts", pa.array(["1", "2.5"]), "c: number 1.0, 2.5"),
    Odd("the word None in Parquet", pa.array(["None", "a"]), "c: category 'None', 'a'"),
    Odd("half-precision numbers", pa.array([np.float16(0.1)]), "c: number 0.0999755859375"),
)
