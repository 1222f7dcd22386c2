"""Read a user's file under ``data/raw/``, or say in a line why it cannot be read."""

import re
from collections.abc import Callable, Container
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, model_validator

from plait.data.decoding import decode
from plait.data.delimited import ENDINGS, SEPARATORS, Delimited
from plait.data.header import check_names
from plait.data.json_lines import read_json_lines
from plait.data.parquet import read_parquet
from plait.errors import UserError
from plait.settings import Settings, setting
from plait.workspace import RAW

if TYPE_CHECKING:
    import pandas as pd

JSON_ENDINGS = (".jsonl", ".ndjson")
TEXT_ENDINGS = (*ENDINGS, *JSON_ENDINGS)
PARQUET_ENDING = ".parquet"

_MAGIC_BYTES = 512

_SEPARATOR_LINE = re.compile(
    r"(?P<quote>\"?)sep=(?P<separator>[^\r\n])(?P=quote)[^\S\r\n]*(?=[\r\n])", re.IGNORECASE
)
"""The first line of a file that Excel is told the separator by; some programs quote it."""

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
    if parts[:2] != PurePosixPath(RAW).parts or len(parts) < 3 or ".." in parts:
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
    str, AfterValidator(under_raw), AfterValidator(_with_ending(*ENDINGS, PARQUET_ENDING))
]
"""A table of the user's, relative to the project's root."""

TextPath = Annotated[
    str,
    AfterValidator(under_raw),
    AfterValidator(_with_ending(*ENDINGS, *JSON_ENDINGS, PARQUET_ENDING)),
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
                frame = read_parquet(stream, path, lists, is_used)
        else:
            content = file.read_bytes()
            _refuse_other_kinds(content[:_MAGIC_BYTES], path, None)
            text = decode(content, path, text_format.encoding)
            if suffix in JSON_ENDINGS:
                frame = read_json_lines(text, path, text_format.na_values, lists, is_used)
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


def _read_text(text: str, path: str, form: TextFormat) -> "pd.DataFrame":
    def check(header: list[str]) -> None:
        _check_separator(header, path, separator)
        check_names(header, path)

    # Excel's word on the separator stays as an empty line, so that lines keep their numbers.
    said = separator_line(text)
    separator = form.separator if said is None else said[0]
    if said is not None:
        text = text[said[1] :]
    return Delimited(path, separator, form.quote, form.na_values).read(text, check)


def separator_line(text: str) -> tuple[str, int] | None:
    """The separator that the first line tells to Excel, and where that line ends; or None."""
    said = _SEPARATOR_LINE.match(text)
    return None if said is None else (said["separator"], said.end())


def _check_separator(header: list[str], path: str, separator: str) -> None:
    if len(header) == 1:
        for other, called in SEPARATORS.items():
            if other != separator and other in header[0]:
                raise UserError(
                    f"{path} has one column, {header[0][:60]!r}, with the separator"
                    f" {separator!r}; the separator looks like {called}: {other!r}"
                )
