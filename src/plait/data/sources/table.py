"""The user's own table: a CSV or Parquet file under ``data/raw/``."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from plait.data import reading
from plait.data.column_types import ColumnType, Reader, in_order
from plait.data.dataset import PARTS, Column, Role, Source
from plait.data.faults import refuse
from plait.data.header import require
from plait.data.splits import NO_PART, Split, assign
from plait.data.user_table import UserTable
from plait.errors import UserError
from plait.json_types import Plain, Values
from plait.settings import setting
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Settings(UserTable):
    """The file, what to learn from it, and how."""

    path: reading.RawPath = setting("CSV or Parquet file under data/raw/")
    target: str = setting("column to predict")
    task: Literal["regression", "classification"] = setting(
        "kind of target: a number (regression) or a class (classification)"
    )
    weight: str | None = setting(
        "column of how much each row counts, in training, metrics, intervals and baselines; null:"
        " all alike"
    )
    features: list[str] | None = setting("columns to learn from; null: all that have no other use")
    drop: list[str] = setting("columns to leave out")
    types: dict[str, ColumnType] = setting(
        "types of columns, by name, where values look like another type"
    )
    missing: Literal["error", "drop", "impute"] = setting(
        "treatment of missing values: an error, their rows dropped, or imputed by the model, but"
        " for rows without a target, which are dropped"
    )
    split: Split = setting("division of the rows into parts")
    seed: int = setting("seed of the split", ge=0)

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        for key, names in (("features", self.features or []), ("drop", self.drop)):
            for name, times in Counter(names).items():
                if times > 1:
                    raise ValueError(f"{key} names {name!r} {times} times; name it once")
        if self.features is not None and not self.features:
            raise ValueError("features is empty; name columns, or null for all")
        uses = {self.target: "the target"}
        if self.weight is not None:
            if self.weight in (self.target, self.split.column):
                other = "the target" if self.weight == self.target else "the split's column"
                raise ValueError(f"{self.weight!r} cannot be both the weight and {other}")
            if self.types.get(self.weight, "number") != "number":
                raise ValueError(f"a weight is a number; remove {self.weight!r} from types")
            uses[self.weight] = "the weight"
        if self.split.column is not None:
            if self.split.column == self.target:
                raise ValueError(
                    f"{self.target!r} cannot be both the target and the split's column"
                )
            uses[self.split.column] = "the split's column"
        for name, use in uses.items():
            if name in (self.features or []):
                raise ValueError(f"{name!r} is {use} and cannot be a feature; remove it there")
            if name in self.drop:
                raise ValueError(f"{name!r} is {use} and cannot be dropped; remove it there")
        for name in self.features or []:
            if name in self.drop:
                raise ValueError(f"{name!r} stands in both features and drop; remove it from one")
        wanted = "number" if task_named(self.task).scalar else "category"
        if self.types.get(self.target, wanted) != wanted:
            raise ValueError(
                f"a {self.task}'s target is a {wanted}, not a {self.types[self.target]};"
                f" remove {self.target!r} from types, or set another task"
            )
        return self

    @property
    def named(self) -> list[str] | None:
        """The columns that are used; None: all but those to drop."""
        if self.features is None:
            return None
        others = (self.split.column, self.weight)
        return [*self.features, self.target, *(name for name in others if name is not None)]

    @property
    def weighted(self) -> bool:
        """Whether a column says so."""
        return self.weight is not None

    @property
    def files(self) -> tuple[str, ...]:
        """The one file."""
        return (self.path,)


def read(settings: Settings, root: Path) -> Source:
    """Read, convert and split the table.

    :param settings: what to read.
    :param root: the project's root, above data/raw.
    :returns: features as numbers, dates and categories. ``counts["missing"]`` has the missing
        values by column, ``counts["missing_are"]`` what became of them.
    :raises UserError: for whatever is wrong with the file, its columns or its values.
    """
    import pandas as pd

    raw = reading.read(
        settings.path, root, settings.format, wanted=settings.named, dropped=settings.drop
    )
    roles = _roles(settings, list(raw.columns))
    reader = Reader(settings.path, settings.format.decimal, settings.date_format)
    values: dict[str, pd.Series] = {}
    columns = []
    faults: list[UserError] = []
    for name, role in roles.items():
        try:
            values[name], kind = reader.convert(raw[name], _wanted_type(settings, name, role))
        except UserError as fault:
            faults.append(fault)
            continue
        written = raw[name].dtype == "str"
        decimal = settings.format.decimal if kind == "number" and written else "."
        date_format = settings.date_format if kind == "date" else None
        columns.append(Column(name, role, kind, decimal=decimal, date_format=date_format))
    refuse(settings.path, faults)
    reader.refuse_idle_format((raw[column.name], column.type) for column in columns)  # type: ignore[misc]
    frame = pd.DataFrame(values)
    _refuse_no_weights(settings, frame)
    counts, kept = _meet_missing(settings, frame, roles, root)
    part_of_row = _split(settings, frame, kept)
    labels = task_named(settings.task).labels(frame[settings.target][part_of_row != NO_PART])
    classes = () if labels is None else _classes(settings, labels)
    if labels is not None:
        _refuse_unseen_classes(settings, frame[settings.target], part_of_row)
    return Source(
        task=settings.task,
        columns=tuple(columns),
        part_of_row=part_of_row,
        chunks=[frame],
        provenance=settings.provenance(Path(settings.path).stem, settings.path),
        licence=settings.licence or "not stated",
        classes=classes,
        counts=counts,
    )


def _roles(settings: Settings, names: list[str]) -> dict[str, Role]:
    """The used columns in the file's order, each with its role."""
    path, split = settings.path, settings.split
    require([settings.target], names, path, "data.target")
    require(settings.features or [], names, path, "data.features")
    require(settings.drop, names, path, "data.drop")
    require(settings.types, names, path, "data.types")
    if split.column is not None:
        require([split.column], names, path, "data.split.column")
    if settings.weight is not None:
        require([settings.weight], names, path, "data.weight")
    split_roles: dict[str, Role] = {"time": "time", "group": "group", "column": "extra"}
    roles: dict[str, Role] = {}
    for name in names:
        if name == settings.target:
            roles[name] = "target"
        elif name == settings.weight:
            roles[name] = "weight"
        elif name == split.column:
            roles[name] = split_roles[split.by]
        elif name in (settings.features or names) and name not in settings.drop:
            roles[name] = "feature"
    if "feature" not in roles.values():
        raise UserError(f"{path}: no column is left to learn from beside {', '.join(roles)}")
    return roles


def _wanted_type(settings: Settings, name: str, role: Role) -> ColumnType | None:
    if name in settings.types:
        return settings.types[name]
    if role == "target":
        return "number" if task_named(settings.task).scalar else "category"
    if role == "weight":
        return "number"
    if role == "time" and settings.date_format is not None:
        return "date"
    return "category" if role in ("group", "extra") else None


def _refuse_no_weights(settings: Settings, frame: "pd.DataFrame") -> None:
    """Refuse weights that take a row out, or more."""
    if settings.weight is not None:
        weights = frame[settings.weight]
        bad = weights[weights <= 0]
        if len(bad):
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            raise UserError(
                f"{settings.path}: column {settings.weight!r}, row {bad.index[0]}:"
                f" {bad.iloc[0]:g}{more}: a weight is above 0; take such rows out of the file"
            )


def _meet_missing(
    settings: Settings, frame: "pd.DataFrame", roles: dict[str, Role], root: Path
) -> "tuple[Values, np.ndarray]":
    """Count missing values; say which rows are kept, bool (rows,).

    :raises UserError: naming every column that misses some, where that is an error; or words that
        may be a class.
    """
    import numpy as np

    missing = {str(name): int(count) for name, count in frame.isna().sum().items() if count}
    counts: Values = {"missing": {**missing}}
    kept = np.ones(len(frame), dtype=bool)
    if not missing:
        return counts, kept
    if settings.missing == "error":
        faults = [
            UserError(
                f"{settings.path}: column {name!r} has {count} missing values, the first in row"
                f" {frame.index[frame[name].isna()][0]}; set data.missing to impute or drop"
            )
            for name, count in missing.items()
        ]
        refuse(settings.path, faults)
    if settings.missing == "impute" and settings.target in missing:
        _refuse_words_for_missing(settings, frame[settings.target], root)
    without: dict[str, Plain] = {}
    for name in missing:
        if settings.missing == "impute" and roles[name] == "feature":
            continue
        there = frame[name].notna().to_numpy()
        without[f"without {name}"] = int((kept & ~there).sum())
        kept &= there
    if not kept.any():
        raise UserError(f"{settings.path}: no row is left without a missing value")
    counts["missing_are"] = "imputed" if settings.missing == "impute" else "dropped"
    return counts | ({"rows_dropped": without} if without else {}), kept


def _refuse_words_for_missing(settings: Settings, target: "pd.Series", root: Path) -> None:
    """Rows whose target is a word such as None are dropped where that is asked for alone."""
    if Path(settings.path).suffix.lower() == reading.PARQUET_ENDING:
        return
    as_they_are = settings.format.model_copy(update={"na_values": [""]})
    raw = reading.read(settings.path, root, as_they_are, wanted=[settings.target])
    words = raw[settings.target][target.isna()].dropna()
    if len(words):
        word = words.iloc[0]
        raise UserError(
            f"{settings.path}: column {target.name!r}, row {words.index[0]}: {word!r} stands"
            f" {int((words == word).sum())} times, and data.format.na_values takes it for a missing"
            " value; take it out of that list if it is a class, else set data.missing: drop"
        )


def _split(settings: Settings, frame: "pd.DataFrame", kept: "np.ndarray") -> "np.ndarray":
    import numpy as np

    rows = frame[kept]
    split, column = settings.split, settings.split.column
    by: dict[str, pd.Series] = {}
    if split.by == "stratified":
        by["labels"] = rows[settings.target]
    elif column is not None:
        by[{"time": "times", "group": "groups", "column": "column"}[split.by]] = rows[column]
    if split.by == "time" and rows[column].dtype == "str":
        raise UserError(
            f"{settings.path}: column {column!r} holds neither dates nor numbers, so rows have no"
            " order in time; set data.date_format, or split otherwise"
        )
    part_of_row = np.full(len(frame), NO_PART, dtype=np.int8)
    part_of_row[kept] = assign(split, len(rows), seed=settings.seed, **by)
    return part_of_row


def _classes(settings: Settings, labels: "pd.Series") -> tuple[str, ...]:
    classes = tuple(in_order(labels))
    if len(classes) == 1:
        raise UserError(
            f"{settings.path}: the target {settings.target!r} has a single class, {classes[0]!r};"
            " a classification needs two or more"
        )
    return classes


def _refuse_unseen_classes(settings: Settings, labels: "pd.Series", parts: "np.ndarray") -> None:
    """Refuse classes that the training part lacks: no model could name them.

    :param labels: (rows,), of the target.
    """
    known = labels[parts == 0]
    unseen = labels[(parts > 0) & ~labels.isin(known).to_numpy()]
    faults = []
    for name, rows in unseen.groupby(unseen, sort=False):
        row, count = rows.index[0], int((labels == name).sum())
        every = len(set(parts[parts >= 0].tolist()))
        advice = "merge it with another class, or take its rows out of the file"
        if count >= every and settings.split.by != "stratified":
            advice = "set data.split.by: stratified"
        have = "row" if count == 1 else "rows"
        faults.append(
            UserError(
                f"{settings.path}: column {settings.target!r}, row {row} ({PARTS[parts[row]]}): the"
                f" class {name!r}, which has {count} {have}, never stands in the training part;"
                f" {advice}"
            )
        )
    refuse(settings.path, faults)
