"""The user's own table: a CSV or Parquet file under ``data/raw/``."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from plait.data import reading
from plait.data.column_types import ColumnType, Reader, in_order
from plait.data.dataset import PARTS, Column, Role, Source
from plait.data.header import require
from plait.data.splits import NO_PART, Split, assign
from plait.data.user_table import UserTable
from plait.errors import UserError
from plait.json_types import Values
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
    features: list[str] | None = setting("columns to learn from; null: all that have no other use")
    drop: list[str] = setting("columns to leave out")
    types: dict[str, ColumnType] = setting(
        "types of columns, by name, where values look like another type"
    )
    missing: Literal["error", "drop", "impute"] = setting(
        "treatment of missing values: an error, their rows dropped, or imputed by the model"
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
        return [*self.features, self.target, *([self.split.column] if self.split.column else [])]

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
    for name, role in roles.items():
        values[name], kind = reader.convert(raw[name], _wanted_type(settings, name, role))
        columns.append(Column(name, role, kind))
    reader.refuse_idle_format((raw[column.name], column.type) for column in columns)  # type: ignore[misc]
    frame = pd.DataFrame(values)
    counts, kept = _meet_missing(settings, frame, roles)
    part_of_row = _split(settings, frame, kept)
    labels = task_named(settings.task).labels(frame[settings.target][part_of_row != NO_PART])
    classes = () if labels is None else _classes(settings, labels)
    _refuse_unknown_to_training(settings, frame, columns, part_of_row)
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
    split_roles: dict[str, Role] = {"time": "time", "group": "group", "column": "extra"}
    roles: dict[str, Role] = {}
    for name in names:
        if name == settings.target:
            roles[name] = "target"
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
    if role == "time" and settings.date_format is not None:
        return "date"
    return "category" if role in ("group", "extra") else None


def _meet_missing(
    settings: Settings, frame: "pd.DataFrame", roles: dict[str, Role]
) -> "tuple[Values, np.ndarray]":
    """Count missing values; say which rows are kept, bool (rows,)."""
    import numpy as np

    missing = {str(name): int(count) for name, count in frame.isna().sum().items() if count}
    counts: Values = {"missing": {**missing}}
    kept = np.ones(len(frame), dtype=bool)
    if not missing:
        return counts, kept
    listed = ", ".join(f"{name} {count}" for name, count in missing.items())
    if settings.missing == "error":
        name = next(iter(missing))
        row = frame.index[frame[name].isna()][0]
        raise UserError(
            f"{settings.path} has missing values: {listed} (the first of {name!r} in row {row});"
            " set data.missing to drop or impute"
        )
    if settings.missing == "drop":
        kept = frame.notna().all(axis=1).to_numpy()
        counts |= {
            "missing_are": "dropped",
            "rows_dropped": {"with missing values": int((~kept).sum())},
        }
        return counts, kept
    for name in missing:
        if roles[name] != "feature":
            row = frame.index[frame[name].isna()][0]
            raise UserError(
                f"{settings.path}: column {name!r}, row {row}: a missing {roles[name]} cannot be"
                " imputed; set data.missing: drop"
            )
    return counts | {"missing_are": "imputed"}, kept


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


def _refuse_unknown_to_training(
    settings: Settings, frame: "pd.DataFrame", columns: list[Column], part_of_row: "np.ndarray"
) -> None:
    """Refuse what a model could not predict from: unseen classes, categories, missing values."""
    train = frame[part_of_row == 0]
    held_out = frame[part_of_row > 0]
    for column in columns:
        if column.role not in ("feature", "target"):
            continue
        later, known = held_out[column.name], train[column.name]
        if column.type == "category":
            unseen = later[~later.isin(known) & later.notna()]
            advice = "merge rare values, drop the column, or split: {by: stratified}"
        else:
            unseen, advice = later[:0], ""
        if later.isna().any() and not known.isna().any():
            unseen = later[later.isna()]
            advice = "nothing shows how to impute it; set data.missing: drop"
        if len(unseen):
            row = unseen.index[0]
            part = PARTS[part_of_row[row]]
            value = "a missing value" if unseen.isna().iloc[0] else repr(unseen.iloc[0])
            raise UserError(
                f"{settings.path}: column {column.name!r}, row {row} ({part}): {value} never"
                f" stands in the training part; {advice}"
            )
