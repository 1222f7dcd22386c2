"""Read a user's file under ``data/raw/``, or say in a line why it cannot be read."""

import codecs
import csv
import difflib
import io
import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from plait.data.label_sets import to_text
from plait.errors import UserError
from plait.settings import Settings, setting

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
JSON_ENDINGS = (".jsonl", ".ndjson")
PARQUET_ENDING = ".parquet"

_PANDAS_INDEX = "__index_level_"
"""How a column begins that pandas wrote for an index without a name."""

_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_MAGIC = {
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed by gzip",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
    b"<!DOCTYPE": "a web page",
    b"<!doctype": "a web page",
    b"<html": "a web page",
}


def under_raw(path: str) -> str:
    """Refuse a path that is not the user's."""
    parts = PurePosixPath(path).parts
    if parts[:2] != ("data", "raw") or len(parts) < 3 or ".." in parts:
        raise ValueError(f"{path!r} must lie under data/raw/, such as data/raw/houses.csv")
    return path


def _with_ending(*endings: str) -> Callable[[str], str]:
    def check(path: str) -> str:
        if PurePosixPath(path).suffix.lower() not in endings:
            named = f"{', '.join(endings[:-1])} or {endings[-1]}"
            raise ValueError(f"{path!r} must end in {named}, as its kind is")
        return path

    return check


def _known_encoding(name: str) -> str:
    try:
        "a".encode(name)
    except LookupError:
        raise ValueError(f"{name!r} is no encoding; try utf-8, latin-1 or utf-16") from None
    return name


RawPath = Annotated[
    str, AfterValidator(under_raw), AfterValidator(_with_ending(*TEXT_ENDINGS, PARQUET_ENDING))
]
"""A table of the user's, relative to the project's root."""

TextPath = Annotated[
    str,
    AfterValidator(under_raw),
    AfterValidator(_with_ending(*TEXT_ENDINGS, *JSON_ENDINGS, PARQUET_ENDING)),
]
"""Texts of the user's, relative to the project's root."""


class TextFormat(Settings):
    """How a delimited text file is written; not read for Parquet."""

    separator: str = setting("between the columns", min_length=1, max_length=1)
    encoding: Annotated[str, AfterValidator(_known_encoding)] = setting("of the text")
    decimal: str = setting("before the decimals of a number", min_length=1, max_length=1)
    missing: list[str] = setting("the words that stand for a missing value")


def find(path: str, root: Path) -> Path:
    """The file, if it is there.

    :raises UserError: if it is not; with a ``.dvc`` file beside it, the error says ``dvc pull``.
    """
    found = root / path
    if found.is_file():
        return found
    if found.with_name(f"{found.name}.dvc").exists():
        raise UserError(f"{path} is tracked by DVC but not here; get it: dvc pull {path}")
    names = sorted(entry.name for entry in found.parent.glob("*") if entry.is_file())
    there = f"there: {', '.join(names[:8])}" if names else "the folder is empty or missing"
    raise UserError(f"{path}: no such file ({there})")


def read(
    path: str,
    root: Path,
    text_format: TextFormat,
    lists: Sequence[str] = (),
    wanted: Sequence[str] | None = None,
) -> "pd.DataFrame":
    """All rows and columns.

    :param path: relative to ``root``; the ending says the kind.
    :param lists: columns that may hold lists of labels; `plait.data.label_sets` says what they
        become.
    :param wanted: the columns that are used; of JSON lines and Parquet, whose values may be of
        any kind, others come without values; None: all.
    :returns: of a text file, every column as ``str`` with NaN for missing values; of Parquet,
        ``float64`` for numbers, ``datetime64[us]`` for dates and ``str`` for all else.
    :raises UserError: if the file is missing or not what its ending says, if encoding or
        separator are wrong, or a column has no name or the name of another.
    """
    file = find(path, root)
    with file.open("rb") as stream:
        start = stream.read(512)
    if not start:
        raise UserError(f"{path} is empty")
    parquet = Path(path).suffix.lower() == PARQUET_ENDING
    for magic, kind in _MAGIC.items():
        if start.lstrip().startswith(magic) and not (parquet and magic == b"PAR1"):
            raise UserError(f"{path} is {kind}, not what its ending {file.suffix} says")
    if parquet:
        frame = _read_parquet(file, path, lists, wanted)
    elif Path(path).suffix.lower() in JSON_ENDINGS:
        frame = _read_json_lines(file, path, text_format, lists, wanted)
    else:
        frame = _read_text(file, path, text_format)
    if frame.empty:
        raise UserError(f"{path} has no rows")
    return frame


def require(names: Iterable[str], columns: Sequence[str], path: str, purpose: str) -> None:
    """Check that the columns are there.

    :raises UserError: naming the first that is missing, the nearest one and all there are.
    """
    for name in names:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            shown = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
            raise UserError(f"{path} has no column {name!r} ({purpose}){meant}\nit has: {shown}")


def _read_text(file: Path, path: str, form: TextFormat) -> "pd.DataFrame":
    import pandas as pd

    text = decode(file.read_bytes(), path, form.encoding)
    header = _header(text, path, form.separator)
    _check_separator(header, path, form.separator)
    _check_names(header, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(text),
                sep=form.separator,
                dtype="str",
                keep_default_na=False,
                na_values=form.missing,
                # Else a row longer than the header makes the first column an index.
                index_col=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        reason = str(error).strip().splitlines()[0].removeprefix("Error tokenizing data. C error: ")
        if isinstance(error, pd.errors.ParserWarning):
            reason = "rows have more columns than the header"
        raise UserError(
            f"{path}: {reason}; is the separator {form.separator!r} right, and is text that holds"
            " it quoted?"
        ) from None


def _read_json_lines(
    file: Path, path: str, form: TextFormat, lists: Sequence[str], wanted: Sequence[str] | None
) -> "pd.DataFrame":
    """An object a line; a key that a line lacks is a missing value there."""
    import pandas as pd

    rows = []
    for number, line in enumerate(lines_of(decode(file.read_bytes(), path, form.encoding)), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: is no JSON: {error}") from None
        if not isinstance(row, dict):
            raise UserError(f'{path}, line {number}: is no JSON object, such as {{"text": "…"}}')
        used = row.keys() if wanted is None else row.keys() & set(wanted)
        texts = {
            key: to_text(row[key])
            if key in lists and isinstance(row[key], list)
            else _as_text(row[key], path, number, key)
            for key in used
        }
        rows.append({key: texts.get(key) for key in row})
    names = list(dict.fromkeys(name for row in rows for name in row))
    _check_names(names, path)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pd.DataFrame(
        {
            name: pd.Series([None if text in form.missing else text for text in texts], dtype="str")
            for name, texts in columns.items()
        }
    )


def _as_text(value: object, path: str, line: int, key: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise UserError(
        f"{path}, line {line}: {key!r} holds a {type(value).__name__}; plait reads texts and"
        " numbers there"
    )


def _header(text: str, path: str, separator: str) -> list[str]:
    try:
        for fields in csv.reader(io.StringIO(text), delimiter=separator):
            if fields:
                return fields
    except csv.Error as error:
        raise UserError(
            f"{path}: the header cannot be read: {error}; is a quote left open?"
        ) from None
    raise UserError(f"{path} has no header and no rows")


def decode(content: bytes, path: str, encoding: str) -> str:
    """The text of a user's file.

    :param path: named in errors.
    :raises UserError: if it is not of that encoding.
    """
    utf8 = codecs.lookup(encoding).name.startswith("utf-8")
    try:
        # utf-8-sig also reads files without the mark that spreadsheets put first.
        text = content.decode("utf-8-sig" if utf8 else encoding)
    except UnicodeError as error:
        place = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content[:place].count(b"\n") + 1
        likely = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
        raise UserError(
            f"{path} is not {encoding} (byte {content[place]:#04x}, line {line});"
            f" set its encoding, perhaps {likely}"
        ) from None
    if "\x00" in text[:1000]:
        raise UserError(f"{path} is not {encoding}; set its encoding, perhaps utf-16-le")
    if not utf8 and not content.isascii() and _is_utf8(content):
        raise UserError(f"{path} is utf-8, not {encoding}; set its encoding to utf-8")
    return text


def lines_of(text: str) -> list[str]:
    """Its lines. Unlike ``str.splitlines``, characters such as U+2028 may stand in one."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_separator(header: list[str], path: str, separator: str) -> None:
    if len(header) == 1:
        for other, called in _SEPARATORS.items():
            if other != separator and other in header[0]:
                raise UserError(
                    f"{path} has one column, {header[0][:60]!r}, with the separator"
                    f" {separator!r}; the separator looks like {called}: {other!r}"
                )


def _check_names(header: Sequence[str], path: str) -> None:
    for number, name in enumerate(header, start=1):
        if not name.strip():
            raise UserError(
                f"{path}: column {number} has no name in the header; give it one, or drop it"
                " (pandas writes its index so: to_csv(index=False) does not)"
            )
        if name in header[: number - 1]:
            first = list(header).index(name) + 1
            raise UserError(
                f"{path}: columns {first} and {number} are both named {name!r}; rename one"
            )


def _read_parquet(
    file: Path, path: str, lists: Sequence[str], wanted: Sequence[str] | None
) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        table = parquet.ParquetFile(file).read()
    except pa.ArrowInvalid:
        raise UserError(f"{path} is not a whole Parquet file, as its ending says") from None
    names = [name for name in table.column_names if not name.startswith(_PANDAS_INDEX)]
    _check_names(names, path)
    return pd.DataFrame(
        {
            name: _from_arrow(table[name], name, path, name in lists)
            if wanted is None or name in wanted
            else pd.Series(index=range(len(table)), dtype="str")
            for name in names
        }
    )


def _from_arrow(values: "pa.ChunkedArray", name: str, path: str, may_be_lists: bool) -> "pd.Series":
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as compute

    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # A time zone's instants are kept, as UTC.
        return pd.Series(values.cast(pa.timestamp("us"), safe=False).to_pandas())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pd.Series(compute.cast(values, pa.float64(), safe=False).to_pandas())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
        return pd.Series(values.cast(pa.string()).to_pandas(), dtype="str")
    if may_be_lists and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        texts = [None if row is None else to_text(row) for row in values.to_pylist()]
        return pd.Series(texts, dtype="str")
    if pa.types.is_null(kind):
        return pd.Series(index=range(len(values)), dtype="str")
    raise UserError(
        f"{path}: column {name!r} holds {kind}; plait reads numbers, texts and dates: convert it"
    )
