"""Read a user's file under ``data/raw/``, or say in a line why it cannot be read."""

import codecs
import json
import math
import re
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, model_validator

from plait.data.delimited import Delimited
from plait.errors import UserError, did_you_mean
from plait.settings import Settings, setting
from plait.tasks.label_sets import to_text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
JSON_ENDINGS = (".jsonl", ".ndjson")
PARQUET_ENDING = ".parquet"

_MAGIC_BYTES = 512
_MOST_DIGITS = 1000
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

    separator: str = setting("separator of columns", min_length=1, max_length=1)
    quote: str | None = setting(
        "quotation mark around text that holds a separator, a line break or a quote; null:"
        " quotes enclose nothing",
        min_length=1,
        max_length=1,
    )
    encoding: Annotated[str, AfterValidator(_known_encoding)] = setting(
        "character encoding of the file"
    )
    decimal: str = setting("decimal sign of numbers", min_length=1, max_length=1)
    na_values: list[str] = setting("words that stand for a missing value")

    @model_validator(mode="after")
    def _check(self) -> "TextFormat":
        for key, mark in (("separator", self.separator), ("quote", self.quote)):
            if mark in ("\n", "\r", "\x00"):
                raise ValueError(f"{key} cannot be {mark!r}, which no line can hold")
        if self.quote == self.separator:
            raise ValueError(f"separator and quote cannot both be {self.quote!r}")
        return self


def find(path: str, root: Path) -> Path:
    """The file, if it is there.

    :raises UserError: if it is not; with a ``.dvc`` file beside it, the error says ``dvc pull``.
    """
    found = root / path
    if found.is_file():
        return found
    if found.is_dir():
        raise UserError(f"{path} is a folder, not a file")
    if found.with_name(f"{found.name}.dvc").exists():
        raise UserError(f"{path} is tracked by DVC but not here; get it: dvc pull {path}")
    names = sorted(entry.name for entry in found.parent.glob("*") if entry.is_file())
    there = f"there: {', '.join(names[:8])}" if names else "the folder is empty or missing"
    raise UserError(f"{path}: no such file ({there})")


def read(
    path: str,
    root: Path,
    text_format: TextFormat,
    lists: Container[str] = (),
    wanted: Container[str] | None = None,
    dropped: Container[str] = (),
) -> "pd.DataFrame":
    """All rows and columns, as exactly as the file has them.

    :param path: relative to ``root``; the ending says the kind.
    :param lists: columns that may hold lists of labels; `plait.tasks.label_sets` says what they
        become.
    :param wanted: the columns that are used, unless they are ``dropped``; of JSON lines and
        Parquet, whose values may be of any kind, others come without values; None: all.
    :returns: ``str`` with NaN for missing values, but of Parquet ``Int64`` or ``UInt64`` for
        integers, ``float64`` for floating-point numbers, ``object`` for decimals and
        ``datetime64[us]`` for dates; of JSON lines ``object`` for numbers.
    :raises UserError: if the file is missing or not what its ending says, if encoding, separator
        or quotes are wrong, a value cannot be kept as it is, or a column has no name or the name
        of another.
    """

    def is_used(name: str) -> bool:
        return (wanted is None or name in wanted) and name not in dropped

    file = find(path, root)
    suffix = file.suffix.lower()
    try:
        if suffix == PARQUET_ENDING:
            with file.open("rb") as stream:
                _refuse_other_kinds(stream.read(_MAGIC_BYTES), path, b"PAR1")
                frame = _read_parquet(stream, path, lists, is_used)
        else:
            content = file.read_bytes()
            _refuse_other_kinds(content[:_MAGIC_BYTES], path, None)
            text = decode(content, path, text_format.encoding)
            if suffix in JSON_ENDINGS:
                frame = _read_json_lines(text, path, text_format, lists, is_used)
            else:
                frame = _read_text(text, path, text_format)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
        ) from None
    if not len(frame.columns):
        raise UserError(f"{path} has no columns")
    if frame.empty:
        raise UserError(f"{path} has no rows")
    return frame


def _refuse_other_kinds(start: bytes, path: str, own: bytes | None) -> None:
    if not start:
        raise UserError(f"{path} is empty")
    for magic, kind in _MAGIC.items():
        if start.lstrip().startswith(magic) and magic != own:
            ending = PurePosixPath(path).suffix
            raise UserError(f"{path} is {kind}, not what its ending {ending} says")


def require(names: Iterable[str], columns: Sequence[str], path: str, purpose: str) -> None:
    """Check that the columns are there.

    :raises UserError: naming the first that is missing, the nearest one and all there are.
    """
    for name in names:
        if name not in columns:
            meant = did_you_mean(name, columns, quoted=True)
            shown = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
            raise UserError(f"{path} has no column {name!r} ({purpose}){meant}\nit has: {shown}")


def _read_text(text: str, path: str, form: TextFormat) -> "pd.DataFrame":
    def check(header: list[str]) -> None:
        _check_separator(header, path, form.separator)
        _check_names(header, path)

    return Delimited(path, form.separator, form.quote, form.na_values).read(text, check)


def _read_json_lines(
    text: str,
    path: str,
    form: TextFormat,
    lists: Container[str],
    is_used: Callable[[str], bool],
) -> "pd.DataFrame":
    """An object a line; a key that a line lacks is a missing value there."""
    import pandas as pd

    names: dict[str, bool] = {}
    rows = []
    for number, line in enumerate(lines_of(text), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        row = _json_object(line, where)
        for name in row.keys() - names.keys():
            _check_unicode(name, f"{where}: a key")
            names[name] = is_used(name)
        values = {}
        for name in row:
            if names[name]:
                value = row[name]
                if name in lists and isinstance(value, list):
                    value = to_text(value)
                values[name] = _checked(value, where, name)
        rows.append(values)
    _check_names(list(names), path)
    return pd.DataFrame(
        {name: _column([row.get(name) for row in rows], form.na_values) for name in names}
    )


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(
            line,
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
    except RecursionError:
        raise UserError(f"{where}: is nested too deeply") from None
    except ValueError as error:
        raise UserError(f"{where}: is no JSON: {error}") from None
    if not isinstance(row, dict):
        raise UserError(f'{where}: is no JSON object, such as {{"text": "…"}}')
    return row


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {again!r} stands in it twice")
    return found


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON's; write null for a missing value")


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"{digits[:20]}… has {len(digits)} digits; write it as a text")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:60]} is larger than any float64")
    return number


def _checked(value: object, where: str, key: str) -> str | bool | int | float | None:
    if isinstance(value, str):
        _check_unicode(value, f"{where}: {key!r}")
    elif value is not None and not isinstance(value, bool | int | float):
        raise UserError(
            f"{where}: {key!r} holds a {type(value).__name__}; plait reads texts and numbers there"
        )
    return value


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _check_unicode(text: str, what: str) -> None:
    found = _LONE_SURROGATE.search(text)
    if found:
        raise UserError(
            f"{what} holds \\u{ord(found.group()):04x}, half of a character (a lone surrogate);"
            " write the whole character, or \\ufffd"
        )


def _column(values: list[str | bool | int | float | None], missing: list[str]) -> "pd.Series":
    """Numbers as ``object`` where there is nothing else; equal ones are equal. Else ``str``."""
    import pandas as pd

    texts = [
        value if value is None or isinstance(value, str) else json.dumps(value) for value in values
    ]
    kept = [None if text in missing else value for text, value in zip(texts, values, strict=True)]
    kinds = {type(value) for value in kept if value is not None}
    if kinds and kinds <= {int, float}:
        if len(kinds) == 2:
            # 1e3 beside 7 is 1000, as a column of whole numbers writes it.
            kept = [
                int(value) if isinstance(value, float) and value.is_integer() else value
                for value in kept
            ]
        return pd.Series(kept, dtype="object")
    return pd.Series([None if text in missing else text for text in texts], dtype="str")


def decode(content: bytes, path: str, encoding: str) -> str:
    """The text of a user's file.

    :param path: named in errors.
    :raises UserError: if it is not of that encoding.
    """
    utf8 = codecs.lookup(encoding).name.startswith("utf-8")
    try:
        # Without the mark that spreadsheets put first.
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        place = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content[:place].count(b"\n") + 1
        likely = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
        own = codecs.lookup(encoding) == codecs.lookup(likely)
        raise UserError(
            f"{path} is not {encoding} (byte {content[place]:#04x}, line {line});"
            + (" is it cut off?" if own else f" set its encoding, perhaps {likely}")
        ) from None
    if "\x00" in text[:1000]:
        raise UserError(f"{path} is not {encoding}; set its encoding, perhaps utf-16-le")
    for pattern, name in (("\x00", "a NUL character"), (_LONE_SURROGATE, "half of a character")):
        found = re.search(pattern, text)
        if found:
            line = text.count("\n", 0, found.start()) + 1
            raise UserError(f"{path}, line {line}: holds {name} ({found.group()!a}); take it out")
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
    stream: IO[bytes], path: str, lists: Container[str], is_used: Callable[[str], bool]
) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        opened = parquet.ParquetFile(stream)
        names = [name for name in opened.schema_arrow.names if not name.startswith(_PANDAS_INDEX)]
        _check_names(names, path)
        used = [name for name in names if is_used(name)]
        table = opened.read(columns=used)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise UserError(
            f"{path} is not a whole Parquet file, as its ending says: {reason}"
        ) from None
    return pd.DataFrame(
        {
            name: from_arrow(table[name], name, path, name in lists)
            if name in used
            else pd.Series(index=range(opened.metadata.num_rows), dtype="str")
            for name in names
        }
    )


def from_arrow(values: "pa.ChunkedArray", name: str, path: str, may_be_lists: bool) -> "pd.Series":
    """A column as `read` returns it.

    :param may_be_lists: whether lists of labels are read.
    :raises UserError: if it holds what is no number, text, truth value or date, or a date between
        microseconds.
    """
    import pandas as pd
    import pyarrow as pa

    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _dates(values, name, path)
    if pa.types.is_integer(kind):
        # Not as float64, which has no exact place for each of them.
        whole = pa.uint64() if pa.types.is_uint64(kind) else pa.int64()
        exact = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
        return pd.Series(values.cast(whole).to_pandas(types_mapper=exact.get))
    if pa.types.is_floating(kind):
        return pd.Series(values.cast(pa.float64()).to_pandas())
    if pa.types.is_decimal(kind):
        return pd.Series(values.to_pylist(), dtype="object")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        try:
            values.validate(full=True)
        except pa.ArrowInvalid as error:
            raise UserError(f"{path}: column {name!r} holds no valid text: {error}") from None
        return pd.Series(values.cast(pa.large_string()).to_pandas(), dtype="str")
    if pa.types.is_boolean(kind):
        return pd.Series(values.cast(pa.string()).to_pandas(), dtype="str")
    if may_be_lists and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        texts = [None if row is None else to_text(row) for row in values.to_pylist()]
        return pd.Series(texts, dtype="str")
    if pa.types.is_null(kind):
        return pd.Series(index=range(len(values)), dtype="str")
    raise UserError(
        f"{path}: column {name!r} holds {kind}; plait reads numbers, texts and dates: convert it"
    )


def _dates(values: "pa.ChunkedArray", name: str, path: str) -> "pd.Series":
    """As ``datetime64[us]``; a time zone's instants are kept, as UTC."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as compute

    kind = values.type
    if pa.types.is_timestamp(kind):
        kind = pa.timestamp(kind.unit)
    naive = values.cast(kind)
    dates = naive.cast(pa.timestamp("us"), safe=False)
    changed = compute.index(compute.not_equal(dates.cast(kind, safe=False), naive), True).as_py()
    if changed >= 0:
        raise UserError(
            f"{path}: column {name!r}, row {changed}: {naive[changed].cast(pa.string())} is not"
            " kept by a date in microseconds; round it, or write it as text"
        )
    return pd.Series(dates.to_pandas())
