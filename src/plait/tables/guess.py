"""How the values of a file are written, as far as nobody has said it."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from plait.data.column_types import ColumnType
from plait.data.reading import TextFormat
from plait.json_types import Values
from plait.tables.codes import code_in
from plait.tables.date_formats import common_format
from plait.tables.decimal_sign import decimal_of
from plait.tables.missing_marks import marks_in
from plait.tables.texts import Texts


@dataclass(frozen=True)
class Stated:
    """What the user says of how a file is written: it wins over any guess."""

    format: Values = field(default_factory=dict)
    """Of the section ``data.format``."""
    date_format: str | None = None


@dataclass(frozen=True)
class Guess:
    """How values are written."""

    format: TextFormat
    date_format: str | None
    types: dict[str, ColumnType]
    """Of columns whose values look like another type."""
    remarks: dict[str, list[str]]
    """By column, what there is to know of that."""


def guess(
    columns: Mapping[str, Texts],
    form: TextFormat,
    stated: Stated,
    *,
    rows: int,
    words: bool,
    target: str | None,
) -> Guess:
    """Marks of missing values, the decimal sign, the format of dates, and codes.

    :param columns: those of texts, and of whole numbers.
    :param form: by which the file was read; what of it is stated stands.
    :param rows: of the file.
    :param words: whether words of a file of this kind may stand for missing values.
    :param target: whose classes no mark may be.
    """
    marks: dict[str, list[str]] = {}
    if words and "na_values" not in stated.format:
        marks = marks_in(columns, lambda texts: _is_typed(texts, stated.date_format))
    if target is not None and target in columns:
        classes = columns[target].counts
        marks = {
            mark: names for mark, names in marks.items() if target in names or mark not in classes
        }
    remarks: dict[str, list[str]] = {name: [] for name in columns}
    _tell_marks(columns, marks, remarks)
    present = {name: texts.without(marks) if marks else texts for name, texts in columns.items()}
    changes: Values = {}
    if marks:
        changes["na_values"] = [*form.na_values, *marks]
    if "decimal" not in stated.format:
        changes["decimal"] = decimal_of(present, form.separator, form.decimal)
    form = TextFormat.model_validate({**form.model_dump(), **changes})
    types: dict[str, ColumnType] = {}
    for name, texts in present.items():
        why = code_in(name, texts, rows)
        if why is not None:
            types[name] = "category"
            remarks[name].append(why)
    date_format = stated.date_format or _date_format(present, types, form.decimal, remarks)
    return Guess(form, date_format, types, remarks)


def _is_typed(texts: Texts, date_format: str | None) -> bool:
    if any(texts.mostly(found) for found in (texts.by_point, texts.by_comma)):
        return True
    return texts.mostly(texts.dates(date_format)) or bool(common_format({"": texts})[1])


def _tell_marks(
    columns: Mapping[str, Texts], marks: Mapping[str, list[str]], remarks: dict[str, list[str]]
) -> None:
    for name, texts in columns.items():
        standing = [mark for mark in marks if mark in texts.counts]
        for mark in standing:
            also = "" if name in marks[mark] else " here too"
            remarks[name].append(
                f"{mark!r}, which stands {texts.counts[mark]} times, counts as missing{also}"
            )


def _date_format(
    columns: Mapping[str, Texts],
    types: Container[str],
    decimal: str,
    remarks: dict[str, list[str]],
) -> str | None:
    """The format of dates that are not written by ISO 8601; None where there are none, or where
    two formats would be needed, or two fit.
    """
    words = {
        name: texts
        for name, texts in columns.items()
        if name not in types and not texts.mostly(texts.numbers(decimal))
    }
    by_iso = {name for name, texts in words.items() if texts.mostly(texts.dates(None))}
    others = {name: texts for name, texts in words.items() if name not in by_iso}
    found, fitting = common_format(others)
    if by_iso:
        found = None
    for name, formats in fitting.items():
        shown = " or ".join(map(repr, formats[:2]))
        if found is not None:
            remarks[name].append(f"dates by {found!r}")
        elif by_iso or len(formats) == 1:
            remarks[name].append(f"looks like dates by {shown}; write all dates of the file alike")
        else:
            remarks[name].append(
                f"looks like dates: set data.date_format to {shown} (--date-format)"
            )
    return found
