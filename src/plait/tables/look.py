"""What a table shows at first sight: a row a column, and what speaks against using it."""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from plait.data import reading
from plait.data.column_types import ColumnType, Reader
from plait.data.dataset import Column
from plait.data.encoders.base import ColumnEncoder
from plait.data.encoders.choose import fit_encoder
from plait.data.encoders.left_out import LeftOut
from plait.data.preprocessing import Settings
from plait.data.reading import TextFormat
from plait.errors import UserError
from plait.tables.file_format import decimal_of

if TYPE_CHECKING:
    import pandas as pd

WORDS = 4
"""Words of a value, in the middle of its column, from which on it is free text."""

SAMPLE = 1000
"""Values of a column that are searched for personal data."""

PERSONAL = {
    "e-mail addresses": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "telephone numbers": re.compile(r"\+\d[\d\s()/.-]{7,}\d"),
}
"""By what they are, the form of values that name a person."""

PERSONAL_NAMES = re.compile(
    r"(?i)(^|[\W_])((sur|first|last|full|family|given)?[\W_]?names?|e[\W_]?mail|phone|telephone"
    r"|mobile|address|street|birth\w*|dob|ssn|passport)($|[\W_])"
)
"""Of columns that commonly name a person."""

EQUAL = 0.999999
"""Correlation from which on a column is the target by another name."""


@dataclass(frozen=True)
class Seen:
    """A column."""

    name: str
    type: ColumnType | None
    """None where its values are faulty."""
    missing: float
    """Share of the rows."""
    distinct: int
    example: str
    treatment: str
    left_out: bool = False
    """Whether no model would learn from it."""
    remarks: tuple[str, ...] = ()
    fault: str | None = None


@dataclass(frozen=True)
class Look:
    """A file."""

    path: str
    rows: int
    columns: tuple[Seen, ...]
    format: TextFormat
    values: "pd.DataFrame" = field(compare=False, repr=False)
    """The columns as they are read, those without faults."""

    def column(self, name: str) -> Seen:
        """The column of a name that there is."""
        return next(each for each in self.columns if each.name == name)


def look(
    path: str,
    root: Path,
    text_format: TextFormat,
    settings: Settings,
    target: str | None = None,
    drop: Container[str] = (),
) -> Look:
    """Look at a file; faults of its values are told by column, not raised.

    :param path: relative to ``root``.
    :param settings: of preprocessing, by which columns are treated.
    :param target: the column to predict, where it is known.
    :param drop: columns that need not be readable.
    :raises UserError: for a file that cannot be read at all.
    """
    import pandas as pd

    raw = reading.read(path, root, text_format, dropped=drop)
    found: dict[str, pd.Series] = {}
    types: dict[str, ColumnType] = {}
    faults: dict[str, str] = {}
    for name in map(str, raw.columns):
        try:
            found[name], types[name] = Reader(path, text_format.decimal, None).convert(
                raw[name], None
            )
        except UserError as fault:
            decimal = decimal_of(fault)
            if decimal is not None and decimal != text_format.decimal:
                changed = text_format.model_copy(update={"decimal": decimal})
                return look(path, root, changed, settings, target, drop)
            faults[name] = str(fault).removeprefix(f"{path}: ")
    values = pd.DataFrame(found, index=raw.index)
    columns = [
        _seen(raw[name], types.get(name), faults.get(name), values, settings, target)
        for name in map(str, raw.columns)
    ]
    return Look(path, len(raw), tuple(columns), text_format, values)


def _seen(
    raw: "pd.Series",
    kind: ColumnType | None,
    fault: str | None,
    values: "pd.DataFrame",
    settings: Settings,
    target: str | None,
) -> Seen:
    name = str(raw.name)
    present = raw.dropna()
    example = "" if present.empty else str(present.iloc[0])
    remarks: list[str] = []
    treatment, left_out = fault or "", False
    if kind is not None:
        encoder = _encoder(values[name], kind, settings)
        treatment, left_out = encoder.treatment, isinstance(encoder, LeftOut)
        if name == target:
            treatment, left_out = "the target", False
        remarks = [*_personal(present, name), *_text(present, kind)]
        if target is not None and target in values and name != target:
            remarks += _tells_target(values[name], kind, values[target])
    return Seen(
        name,
        kind,
        float(raw.isna().mean()),
        int(present.nunique()),
        example,
        treatment,
        left_out,
        tuple(remarks),
        fault,
    )


def _encoder(values: "pd.Series", kind: ColumnType, settings: Settings) -> ColumnEncoder:
    """What a model would get, as far as it does not depend on the target."""
    import numpy as np

    column = Column(str(values.name), "feature", kind)
    return fit_encoder(values, column, settings, np.zeros(len(values)))


def _personal(present: "pd.Series", name: str) -> list[str]:
    texts = present.head(SAMPLE).astype("str")
    for what, form in PERSONAL.items():
        if len(texts) and texts.str.fullmatch(form).mean() > 0.5:
            return [f"personal data: {what}"]
    if PERSONAL_NAMES.search(name) and present.dtype == "str":
        return ["perhaps personal data, by its name"]
    return []


def _text(present: "pd.Series", kind: ColumnType) -> list[str]:
    if kind != "category" or present.dtype != "str":
        return []
    words = [len(text.split()) for text in present.head(SAMPLE)]
    return ["free text"] if words and median(words) >= WORDS else []


def _tells_target(values: "pd.Series", kind: ColumnType, target: "pd.Series") -> list[str]:
    """Whether a column is the target by another name, which training would show and use not."""
    both = values.notna() & target.notna()
    values, target = values[both], target[both]
    if len(values) < 10 or target.nunique() < 2 or values.nunique() < 2:
        return []
    if kind == "number" and target.dtype.kind == "f":
        told = abs(float(values.corr(target))) > EQUAL
    elif values.nunique() > len(values) / 2:
        return []
    else:
        told = bool((target.groupby(values).nunique() == 1).all())
    return ["tells the target in every row: a leak?"] if told else []
