"""Rows of delimited text: every line of the file stands in a row that is read, or is refused.

Quotes count as RFC 4180 has them: they enclose a whole field, and are doubled within it.
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".tsv", ".txt")
"""Of files of such text."""

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
"""Those that files commonly have, and what they are called."""

_ROWS_AT_ONCE = 1 << 16
_LONGEST_FIELD = 2**31 - 1

_IN_PROSE = frozenset(",;:. ")
"""Separators that a text of several lines may hold in each of them."""

_FEW = 4
"""So many different shapes are not taken for free text."""

_NO_QUOTES = "set format.quote: null if quotes enclose nothing in this file"


@dataclass(frozen=True)
class _Record:
    """The fields between two line ends that no quotes enclose; of a blank line none.

    :param first: the number of its first line, from 1; ``last``: of its last.
    """

    first: int
    last: int
    fields: list[str]

    @property
    def is_blank(self) -> bool:
        one = len(self.fields) == 1 and self.first == self.last
        return not self.fields or (one and self.fields[0].isspace())


@dataclass(frozen=True)
class _Suspect:
    """A quoted field whose lines would each complete a row, if its quotes enclosed nothing.

    :param row: of the field; ``first``: the line where it opens; ``last``: where it closes.
    :param others: the values by column that those rows would have beside the field's.
    """

    row: int
    first: int
    last: int
    others: list[dict[int, str]]


@dataclass(frozen=True)
class Delimited:
    """How a text is divided into rows and columns.

    :param path: named in errors.
    :param quote: None where quotes are characters like any other.
    :param missing: the words for missing values.
    """

    path: str
    separator: str
    quote: str | None
    missing: Collection[str]

    def read(self, text: str, check: Callable[[list[str]], None]) -> "pd.DataFrame":
        """All rows, ``str`` with NaN for missing values.

        A blank line is no row, but in a file of one column it is a row with an empty value.

        :param check: is called with the header before any row is read.
        :raises UserError: naming the line of a row that is shorter or longer than the header, and
            of a quote that never closes, closes in mid-field or encloses what looks like rows.
        """
        import pandas as pd

        if "\n" not in text:
            text = text.replace("\r", "\n")
        with _long_fields():
            records = self._records(text)
            header = next((record.fields for record in records if not record.is_blank), None)
            if header is None:
                raise UserError(f"{self.path} has no header and no rows")
            check(header)
            chunks, suspects = self._chunks(records, header)
        frame = pd.concat(chunks, ignore_index=True)
        self._refuse_swallowed_rows(suspects, frame)
        return frame

    def _records(self, text: str) -> Iterator[_Record]:
        lines = csv.reader(
            io.StringIO(text),
            delimiter=self.separator,
            quotechar=self.quote,
            quoting=csv.QUOTE_NONE if self.quote is None else csv.QUOTE_MINIMAL,
            strict=True,
        )
        while True:
            first = lines.line_num + 1
            try:
                fields = next(lines)
            except StopIteration:
                return
            except csv.Error as error:
                raise UserError(f"{self.path}, {self._fault(text, first, error)}") from None
            yield _Record(first, lines.line_num, fields)

    def _chunks(
        self, records: Iterator[_Record], header: list[str]
    ) -> "tuple[list[pd.DataFrame], list[_Suspect]]":
        chunks: list[pd.DataFrame] = []
        rows: list[list[str]] = []
        suspects: list[_Suspect] = []
        ragged: list[_Record] = []
        for record in records:
            fields = record.fields
            if len(fields) != len(header):
                if not fields and len(header) == 1:
                    fields = [""]
                else:
                    if not record.is_blank:
                        ragged.append(record)
                    continue
            if record.last > record.first and len(header) > 1:
                row = len(chunks) * _ROWS_AT_ONCE + len(rows)
                suspects += _suspects(row, record, self.separator)
            rows.append(fields)
            if len(rows) == _ROWS_AT_ONCE:
                chunks.append(self._frame(rows, header))
                rows = []
        if ragged:
            self._refuse_ragged(ragged, len(header))
        chunks.append(self._frame(rows, header))
        return chunks, suspects

    def _frame(self, rows: list[list[str]], header: list[str]) -> "pd.DataFrame":
        import pandas as pd
        import pyarrow as pa

        missing = frozenset(self.missing)
        columns = zip(*rows, strict=True) if rows else ((),) * len(header)
        frame = {}
        for name, texts in zip(header, columns, strict=True):
            kept = [None if text in missing else text for text in texts]
            frame[name] = pd.Series(pa.array(kept, pa.large_string()), dtype="str")
        return pd.DataFrame(frame)

    def _refuse_ragged(self, ragged: list[_Record], width: int) -> None:
        record, found = ragged[0], len(ragged[0].fields)
        more = f" (and {len(ragged) - 1} more such rows)" if len(ragged) > 1 else ""
        compared = "more" if found > width else "fewer"
        if record.last > record.first:
            advice = f"its quotes reach into line {record.last}: {_NO_QUOTES}"
        elif found > width:
            advice = f"is the separator {self.separator!r} right, and is text that holds it quoted?"
        else:
            advice = "write an empty value for one that is missing, and quote text of several lines"
        raise UserError(
            f"{self.path}: Expected {width} fields in line {record.first}, saw {found}: {compared}"
            f" columns than the header{more}; {advice}"
        )

    def _fault(self, text: str, line: int, error: csv.Error) -> str:
        """Where and why the record that begins in a line cannot be read."""
        place = 0
        for _ in range(line - 1):
            place = text.index("\n", place) + 1
        plain = re.compile(f"[^{re.escape(self.separator)}\r\n]*")
        while place < len(text):
            if text[place] == self.quote:
                opened, end = line, _closing(text, place, self.quote)
                if end < 0:
                    return f"line {opened}: the quote that opens here never closes; {_NO_QUOTES}"
                line += text.count("\n", place, end)
                place = end + 1
                rest = text[place : place + 12].splitlines()
                if text[place : place + 1] not in ("", "\r", "\n", self.separator):
                    return (
                        f"line {opened}: the quote that opens here closes in line {line} before"
                        f" {rest[0]!r}, in mid-field; double the quotes within"
                        f" quoted text, or {_NO_QUOTES}"
                    )
            place = plain.match(text, place).end()  # type: ignore[union-attr]
            if text[place : place + 1] == self.separator:
                place += 1
                continue
            if re.compile(r"\r+[^\r\n]").match(text, place):
                return (
                    f"line {line}: a carriage return stands within the line; end all lines alike,"
                    " and quote text that holds one"
                )
            break
        return f"line {line}: {error}"

    def _refuse_swallowed_rows(self, suspects: list[_Suspect], frame: "pd.DataFrame") -> None:
        """Refuse quotes that enclose what looks like rows of their own.

        Where a text may hold the separator, a line looks like a row if all its other values are
        like those of their columns.
        """
        if not suspects:
            return
        beside = frame.drop(index=[suspect.row for suspect in suspects])
        known = [_Values(beside[name]) for name in beside.columns]
        for suspect in suspects:
            if self.separator not in _IN_PROSE or any(
                all(known[column].are_like(self._value(text)) for column, text in row.items())
                for row in suspect.others
            ):
                raise UserError(
                    f"{self.path}, line {suspect.first}: the quote that opens here closes in line"
                    f" {suspect.last}, and what it encloses looks like rows; {_NO_QUOTES}, else"
                    " write the table as Parquet"
                )

    def _value(self, text: str) -> str | None:
        return None if text in self.missing else text


class _Values:
    """What the values of a column look like.

    :param column: ``str`` with NaN for missing values.
    """

    def __init__(self, column: "pd.Series") -> None:
        present = column.dropna()
        self.missing = len(present) < len(column)
        self.distinct = set(present)
        self.shapes = {_shape(value) for value in self.distinct}
        self.are_labels = 2 * len(self.distinct) <= len(present)
        self.are_free_text = not self.distinct or len(self.shapes) > max(_FEW, len(present) / 2)

    def are_like(self, value: str | None) -> bool:
        """Whether this could be one of them. Of free text, anything could."""
        if value is None:
            return self.missing
        if value in self.distinct or self.are_free_text:
            return True
        if self.are_labels and any(map(str.isalpha, value)):
            return False
        return _shape(value) in self.shapes


def _shape(value: str) -> str:
    """Equal for texts with words and numbers in the same places: ``a 9`` of ``room 12``."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", value))


def _suspects(row: int, record: _Record, separator: str) -> Iterator[_Suspect]:
    last = len(record.fields) - 1
    line = record.first
    for column, field in enumerate(record.fields):
        lines = field.split("\n")
        breaks = len(lines) - 1
        completing = [last - column, *[last] * (breaks - 1), column]
        if breaks and [each.count(separator) for each in lines] == completing:
            others = []
            for number, each in enumerate(lines):
                start = 0 if number else column
                values = enumerate(each.removesuffix("\r").split(separator), start)
                others.append({place: value for place, value in values if place != column})
            yield _Suspect(row, line, line + breaks, [values for values in others if values])
        line += breaks


def _closing(text: str, opening: int, quote: str) -> int:
    """Where the quoted field ends; -1 if it does not."""
    end = text.find(quote, opening + 1)
    while end >= 0 and text[end + 1 : end + 2] == quote:
        end = text.find(quote, end + 2)
    return end


@contextmanager
def _long_fields() -> Iterator[None]:
    """Fields may be longer than the csv module allows by default."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)
