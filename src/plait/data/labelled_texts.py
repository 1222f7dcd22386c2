"""What all sources of labelled texts have in common: checks, duplicates, the number of labels."""

from typing import TYPE_CHECKING, ClassVar, Literal

from plait.data.base import SourceSettings
from plait.data.column_types import in_order
from plait.data.dataset import PARTS, Column, Source
from plait.data.leakage import in_earlier_part
from plait.data.splits import NO_PART, OfficialSplit
from plait.errors import UserError
from plait.json_types import Values
from plait.settings import setting
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_LABEL_STREAM = 0x1ABE
"""Sets the choice of labelled rows apart from other random streams of the same seed."""


TextTask = Literal["regression", "classification", "multilabel"]
"""What a text can be labelled with: a number, a class, or several classes."""


class TextSettings(SourceSettings):
    """The settings that every source of labelled texts has."""

    gives: ClassVar[Literal["columns", "text"]] = "text"

    empty: Literal["error", "drop"] = setting(
        "treatment of empty texts: an error, or their rows dropped"
    )
    duplicates: Literal["keep", "drop"] = setting(
        "treatment of texts that stand in an earlier part too: kept, or dropped from the later one"
    )
    n_labelled: int | None = setting(
        "labelled training texts to use, drawn at random with some of every class; null: all",
        unit="rows",
        ge=2,
    )
    word_boundaries: Literal["spaces", "none"] = setting(
        "separator of words; none: as in Chinese, where characters are counted instead"
    )
    seed: int = setting("seed of the split, and of the choice of texts", ge=0)


def labelled(
    settings: TextSettings,
    frame: "pd.DataFrame",
    part_of_row: "np.ndarray",
    *,
    task: str,
    columns: tuple[Column, ...],
    where: str,
    provenance: dict[str, str],
    licence: str,
) -> Source:
    """Check texts and labels, and leave out what the settings say.

    :param frame: a column for each of ``columns``; ``str`` with missing values for texts.
    :param part_of_row: int8, (rows,), changed in place.
    :param columns: one with the role text, one target, perhaps others.
    :param where: how errors call the source, such as its file.
    :raises UserError: for missing texts or labels, and classes that training has not.
    """
    import numpy as np

    (text,) = (column.name for column in columns if column.role == "text")
    (target,) = (column.name for column in columns if column.role == "target")
    counts: Values = {}
    dropped = _leave_out(settings, frame[text], frame[target], part_of_row, where)

    classes: tuple[str, ...] = ()
    # A row a label; its index numbers the row of its text.
    labels = task_named(task).labels(frame[target].reset_index(drop=True))
    if labels is not None:
        if task_named(task).several:
            without = np.setdiff1d(np.flatnonzero(part_of_row != NO_PART), labels.index)
            counts["texts_without_label"] = len(without)
        classes = _classes(labels[part_of_row[labels.index] != NO_PART], task, where)
        _refuse_unseen(labels, part_of_row[labels.index], where, frame.index)
    if settings.n_labelled is not None:
        counts["training_texts_not_used"] = _use_some(
            settings.n_labelled, labels, part_of_row, settings.seed, where
        )
    if dropped:
        counts["rows_dropped"] = {**dropped}
    if settings.duplicates == "keep":
        # Whatever their labels: `write` counts only those whose labels are equal too.
        again = in_earlier_part(frame[text], part_of_row)
        counts["texts_in_an_earlier_part_too"] = int(again.sum())
    return Source(
        task=task,
        columns=columns,
        part_of_row=part_of_row,
        chunks=[frame.fillna({text: ""})],
        provenance=provenance,
        licence=licence,
        classes=classes,
        counts=counts,
        facts={"words": settings.word_boundaries},
    )


def _leave_out(
    settings: TextSettings,
    texts: "pd.Series",
    targets: "pd.Series",
    part_of_row: "np.ndarray",
    where: str,
) -> dict[str, int]:
    """Put empty texts, and those of an earlier part, in no part, where the settings say so.

    :returns: how many rows were left out, by reason.
    """
    dropped = {}
    blank = _meet_empty(settings, texts, where)
    if blank.any():
        dropped["without text"] = int((blank & (part_of_row != NO_PART)).sum())
        part_of_row[blank] = NO_PART
    _refuse_unlabelled(targets, part_of_row, where)
    if settings.duplicates == "drop":
        again = in_earlier_part(texts, part_of_row)
        dropped["with a text of an earlier part"] = int(again.sum())
        part_of_row[again] = NO_PART
    _refuse_empty(part_of_row, where)
    return dropped


def _meet_empty(settings: TextSettings, texts: "pd.Series", where: str) -> "np.ndarray":
    """Which texts are empty, bool (rows,); refused unless they are to be dropped."""
    blank = (texts.isna() | (texts.str.strip() == "")).to_numpy()
    if blank.any() and settings.empty == "error":
        raise UserError(
            f"{where}: column {texts.name!r}, row {texts.index[blank][0]}: the text is empty"
            f" ({int(blank.sum())} in all); set data.empty: drop to leave such rows out"
        )
    return blank


def _refuse_unlabelled(labels: "pd.Series", part_of_row: "np.ndarray", where: str) -> None:
    unlabelled = labels.isna().to_numpy() & (part_of_row != NO_PART)
    if unlabelled.any():
        raise UserError(
            f"{where}: column {labels.name!r}, row {labels.index[unlabelled][0]}: the label is"
            f" missing ({int(unlabelled.sum())} in all); label those rows, or take them out"
        )


def _refuse_empty(part_of_row: "np.ndarray", where: str) -> None:
    for part in ("train", "test"):
        if not (part_of_row == PARTS.index(part)).any():
            raise UserError(f"{where}: no row is left in the {part} part")


def _classes(labels: "pd.Series", task: str, where: str) -> tuple[str, ...]:
    classes = tuple(in_order(labels))
    if len(classes) < 2:
        raise UserError(
            f"{where}: all texts have one label, {classes[0]!r}; a {task} needs two"
            if classes
            else f"{where}: no text has a label"
        )
    return classes


def _refuse_unseen(
    labels: "pd.Series", part_of_label: "np.ndarray", where: str, names: "pd.Index"
) -> None:
    """Labels that the training part has not.

    :param labels: (labels,); the index numbers their rows.
    :param names: of all rows, as errors call them.
    """
    unseen = ~labels.isin(labels[part_of_label == 0]).to_numpy() & (part_of_label > 0)
    if unseen.any():
        row = names[labels.index[unseen][0]]
        part = PARTS[part_of_label[unseen][0]]
        raise UserError(
            f"{where}: row {row} ({part}): the label {labels[unseen].iloc[0]!r} never stands in the"
            " training part; merge rare labels, or split: {by: stratified}"
        )


def _use_some(
    rows: int,
    labels: "pd.Series | None",
    part_of_row: "np.ndarray",
    seed: int,
    where: str,
) -> int:
    """Leave so many rows in the training part; at least one of each class.

    More rows include fewer ones, so that sizes can be compared.

    :param labels: (labels,); the index numbers their rows.
    :returns: how many were taken out.
    """
    import numpy as np

    rng = np.random.default_rng([seed, _LABEL_STREAM])
    train = rng.permutation(np.flatnonzero(part_of_row == 0))
    if rows > len(train):
        raise UserError(f"data.n_labelled: is {rows}, but {where} has {len(train)} training texts")
    if labels is not None:
        place = np.full(len(part_of_row), len(train))
        place[train] = np.arange(len(train))
        drawn = labels.iloc[np.argsort(place[labels.index], kind="stable")]
        drawn = drawn[place[drawn.index] < len(train)]
        firsts = np.unique(place[drawn.index[~drawn.duplicated().to_numpy()]])
        if rows < len(firsts):
            raise UserError(
                f"data.n_labelled: is {rows}; each class of {where} once takes {len(firsts)}"
            )
        train = np.concatenate([train[firsts], np.delete(train, firsts)])
    part_of_row[train[rows:]] = NO_PART
    return len(train) - rows


def official_parts(
    rows: "pd.Series", split: OfficialSplit, labels: "pd.Series", seed: int
) -> "np.ndarray":
    """The parts of a set that comes with a test part; those set aside are drawn from the rest.

    :param rows: bool, (rows,): whether a row is of the test part.
    :param split: shares, of the rows that are not.
    :param labels: (rows,); each class gets its share.
    """
    import numpy as np

    from plait.data.splits import Split, assign

    parts = np.where(rows.to_numpy(), np.int8(PARTS.index("test")), np.int8(0))
    for part, share in (("val", split.val), ("calibration", split.calibration)):
        if share:
            learnt = np.flatnonzero(parts == 0)
            # Both are shares of what there is to draw from before either is drawn.
            of_rest = share * (int((~rows).sum()) / len(learnt))
            # As a test part, which a split always has; then renamed.
            none = {"val": 0.0, "calibration": 0.0, "column": None, "gap": 0, "folds": None}
            drawing = Split.model_validate(
                {"by": "stratified", "test": of_rest, "repeats": 1, **none}
            )
            drawn = assign(drawing, len(learnt), seed=seed, labels=labels.to_numpy()[learnt])
            parts[learnt[drawn == PARTS.index("test")]] = PARTS.index(part)
    return parts
