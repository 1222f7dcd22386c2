"""What a table shows at first sight: a row a column, and what speaks against using it."""

from collections.abc import Container
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from plait.data import reading
from plait.data.column_types import ColumnType, Reader
from plait.data.dataset import Column
from plait.data.encoders.choose import fit_encoder
from plait.data.encoders.left_out import LeftOut
from plait.data.encoders.number import Number
from plait.data.preprocessing import Settings
from plait.data.reading import TextFormat
from plait.errors import UserError
from plait.tables import remarks
from plait.tables.guess import Guess, Stated, guess
from plait.tables.texts import Texts

if TYPE_CHECKING:
    import pandas as pd


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
    texts: Texts = field(default_factory=lambda: Texts({}), compare=False, repr=False)
    """Its values."""

    @property
    def personal(self) -> bool:
        """Whether its values may name persons."""
        return any("personal data" in each or "telephone" in each for each in self.remarks)


@dataclass(frozen=True)
class Look:
    """A file."""

    path: str
    rows: int
    columns: tuple[Seen, ...]
    guess: Guess
    """How it is read."""
    values: "pd.DataFrame" = field(compare=False, repr=False)
    """The columns as they are read, those without faults."""

    @property
    def format(self) -> TextFormat:
        """By which it is read."""
        return self.guess.format

    @cached_property
    def _by_name(self) -> dict[str, Seen]:
        return {each.name: each for each in self.columns}

    def column(self, name: str) -> Seen:
        """The column of a name that there is."""
        return self._by_name[name]


def look(
    path: str,
    root: Path,
    text_format: TextFormat,
    settings: Settings,
    target: str | None = None,
    drop: Container[str] = (),
    stated: Stated | None = None,
) -> Look:
    """Look at a file; faults of its values are told by column, not raised.

    :param path: relative to ``root``.
    :param settings: of preprocessing, by which columns are treated.
    :param target: the column to predict, where it is known.
    :param drop: columns that need not be readable.
    :param stated: what the user says of how the file is written; the rest is guessed.
    :raises UserError: for a file that cannot be read at all.
    """
    import pandas as pd

    raw = reading.read(path, root, text_format, dropped=drop)
    names = [str(name) for name in raw.columns]
    texts = {name: Texts.of(raw[name]) for name in names}
    written = {
        name: of
        for name, of in texts.items()
        if name not in drop and (raw[name].dtype == "str" or _is_whole(raw[name]))
    }
    words = Path(path).suffix.lower() != reading.PARQUET_ENDING
    found = guess(
        written, text_format, stated or Stated(), rows=len(raw), words=words, target=target
    )
    if found.format.na_values != text_format.na_values:
        raw = reading.read(path, root, found.format, dropped=drop)
        texts = {name: of.without(found.format.na_values) for name, of in texts.items()}
    reader = Reader(path, found.format.decimal, found.date_format)
    values: dict[str, pd.Series] = {}
    types: dict[str, ColumnType] = {}
    faults: dict[str, str] = {}
    for name in names:
        try:
            values[name], types[name] = reader.convert(raw[name], found.types.get(name))
        except UserError as fault:
            faults[name] = str(fault).removeprefix(f"{path}: ")
    columns = [
        _faulty(name, faults[name], texts[name], len(raw))
        if name in faults
        else _seen(values[name], types[name], texts[name], found, settings)
        for name in names
    ]
    if target is not None and target in values:
        columns = [_beside(each, target, values) for each in columns]
    return Look(path, len(raw), tuple(columns), found, pd.DataFrame(values, index=raw.index))


def _is_whole(values: "pd.Series") -> bool:
    """Of Parquet, and of JSON lines, which have them as objects."""
    if values.dtype == "object":
        return bool(values.map(lambda value: isinstance(value, int), na_action="ignore").all())
    return values.dtype.kind in "iu"


def _faulty(name: str, fault: str, texts: Texts, rows: int) -> Seen:
    missing, example = 1.0 - texts.rows / rows, next(iter(texts.counts), "")
    return Seen(name, None, missing, len(texts.counts), example, fault, fault=fault, texts=texts)


def _seen(
    values: "pd.Series", kind: ColumnType, texts: Texts, found: Guess, settings: Settings
) -> Seen:
    name, decimal = str(values.name), found.format.decimal
    named = remarks.personal(texts, name, kind == "category")
    told = [*found.remarks.get(name, []), *named]
    missing = 1.0 - texts.rows / len(values)
    if kind == "number":
        told += remarks.readings(texts, decimal)
        told += remarks.stands_for_missing(values.dropna().to_numpy())
        treatment, left_out = Number(name, 0.0, 1.0, 0.0, missing > 0, decimal).treatment, False
    else:
        treatment, left_out = _encoded(values, kind, settings)
    if kind == "category":
        told += remarks.free_text(texts)
        told += [] if named or name in found.types else remarks.numbers_among(texts, decimal)
    return Seen(
        name,
        kind,
        missing,
        len(texts.counts),
        next(iter(texts.counts), ""),
        treatment,
        left_out,
        tuple(dict.fromkeys(told)),
        texts=texts,
    )


def _encoded(values: "pd.Series", kind: ColumnType, settings: Settings) -> tuple[str, bool]:
    """What a model would get, as far as it does not depend on the target; whether it is nothing."""
    import numpy as np

    column = Column(str(values.name), "feature", kind)
    encoder = fit_encoder(values, column, settings, np.zeros(len(values)))
    return encoder.treatment, isinstance(encoder, LeftOut)


def _beside(seen: Seen, target: str, values: "dict[str, pd.Series]") -> Seen:
    """A column, once it is known what to predict."""
    if seen.name == target:
        return replace(seen, treatment="the target", left_out=False)
    if seen.type is None:
        return seen
    told = remarks.tells_target(values[seen.name], seen.type, values[target])
    return replace(seen, remarks=(*seen.remarks, *told))
