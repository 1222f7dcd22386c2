"""Labelled texts of a table, wherever its rows come from: converted, checked and split."""

from typing import TYPE_CHECKING

from plait.data.column_types import ColumnType, Reader
from plait.data.dataset import Column, Role, Source
from plait.data.header import require
from plait.data.labelled_texts import TextSettings, TextTask, labelled
from plait.data.splits import Split, assign
from plait.data.user_table import UserTable
from plait.errors import UserError
from plait.settings import setting
from plait.tasks.label_sets import parse, rarest
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class LabelledTable(TextSettings, UserTable):
    """Which columns hold what, and how rows are divided."""

    text: str = setting("column of the texts")
    label: str = setting("column to predict")
    task: TextTask = setting(
        "kind of target: a class (classification), several (multilabel) or a number (regression)"
    )
    label_separator: str = setting(
        "separator between several labels of a text; lists of labels need none", min_length=1
    )
    split: Split = setting("division of the rows into parts")


ROLES: dict[str, Role] = {"time": "time", "group": "group", "column": "extra"}
"""Of the split's column."""


def source_of(settings: LabelledTable, raw: "pd.DataFrame", where: str, name: str) -> Source:
    """The source that rows of any origin make.

    :param raw: as `plait.data.reading.read` gives them.
    :param where: how errors call their origin.
    :param name: of the data set.
    """
    import pandas as pd

    split, task = settings.split, task_named(settings.task)
    require([settings.text], list(raw.columns), where, "data.text")
    require([settings.label], list(raw.columns), where, "data.label")
    if split.column is not None:
        require([split.column], list(raw.columns), where, "data.split.column")
    for column in (settings.text, settings.label):
        if raw[column].isna().all():
            raise UserError(f"{where}: column {column!r} has no values")
    if raw[settings.text].dtype != "str":
        raise UserError(f"{where}: column {settings.text!r} holds no texts")
    reader = Reader(where, settings.format.decimal, settings.date_format)
    values: dict[str, pd.Series] = {settings.text: raw[settings.text]}
    columns = [Column(settings.text, "text", "text")]
    kinds: dict[str, ColumnType | None] = {settings.label: "number" if task.scalar else "category"}
    if split.column is not None:
        stated: ColumnType | None = "date" if settings.date_format is not None else None
        kinds[split.column] = stated if split.by == "time" else "category"
    found: list[tuple[pd.Series, ColumnType]] = []
    for column, wanted in kinds.items():
        values[column], kind = reader.convert(raw[column], wanted)
        found.append((raw[column], kind))
        several = task.several and column == settings.label
        if several:
            values[column] = parse(values[column], settings.label_separator, where)
        role: Role = "target" if column == settings.label else ROLES[split.by]
        columns.append(Column(column, role, "labels" if several else kind))
    reader.refuse_idle_format(found)
    frame = pd.DataFrame(values)
    return labelled(
        settings,
        frame,
        _parts(settings, frame, where),
        task=settings.task,
        columns=tuple(columns),
        where=where,
        provenance=settings.provenance(name, where),
        licence=settings.licence or "not stated",
    )


def _parts(settings: LabelledTable, frame: "pd.DataFrame", where: str) -> "np.ndarray":
    split = settings.split
    by: dict[str, pd.Series] = {}
    if split.by == "stratified":
        labels = frame[settings.label]
        if task_named(settings.task).several:
            # So that a label that few texts have stands in every part, if it can.
            labels = rarest(labels)
        by["labels"] = labels.fillna("") if labels.dtype == "str" else labels
    elif split.column is not None:
        column = frame[split.column]
        if column.isna().any() or (split.by == "time" and column.dtype == "str"):
            row = frame.index[column.isna()][0] if column.isna().any() else 0
            raise UserError(
                f"{where}: column {split.column!r}, row {row}: a value is missing"
                if column.isna().any()
                else f"{where}: column {split.column!r} holds neither dates nor numbers, so rows"
                " have no order in time; set data.date_format, or split otherwise"
            )
        by[{"time": "times", "group": "groups", "column": "column"}[split.by]] = column
    return assign(split, len(frame), seed=settings.seed, **by)
