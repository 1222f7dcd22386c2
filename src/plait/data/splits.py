"""Which part each row belongs to: training, validation, test, calibration or none."""

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from plait.data.dataset import PARTS
from plait.errors import UserError
from plait.json_types import Values
from plait.settings import Settings, setting

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NO_PART = -1
STRATA_OF_NUMBERS = 10
"""A numeric target is stratified by this many bins of equal count."""

TRAIN, VAL, TEST, CALIBRATION = range(len(PARTS))

BY_TIME = (TRAIN, VAL, CALIBRATION, TEST)
"""The parts from the earliest to the latest."""

_SPLIT_STREAM = 0x5917
"""Sets the splits' random stream apart from the streams that generate data from the same seed."""


class Split(Settings):
    """How rows are divided. What belongs to no other part is training."""

    by: Literal["random", "stratified", "time", "group", "column"] = setting(
        "way of dividing: rows at random; at random with equal shares of the classes (or of the"
        " target's tenths); the latest times last; whole groups at random; or as a column says"
    )
    val: float = setting("size of the validation part", unit="fraction of rows", ge=0, lt=1)
    test: float = setting("size of the test part", unit="fraction of rows", gt=0, lt=1)
    calibration: float = setting(
        "size of the calibration part, which nothing trains on, early stopping included; taken from"
        " the training rows",
        unit="fraction of rows",
        ge=0,
        lt=1,
    )
    column: str | None = setting(
        "column that decides: times, groups, or the words train, val, test, calibration and none"
    )
    gap: int = setting(
        "times left out between two parts of a split by time", unit="distinct times", ge=0
    )
    folds: int | None = setting(
        "folds that the training part is divided into, in the same way; each is held out from one"
        " of as many models, whose average is the result; null: one model learns from all rows",
        unit="folds",
        ge=2,
        le=100,
    )
    repeats: int = setting(
        "times that rows are divided into folds, each time otherwise", ge=1, le=100
    )

    @model_validator(mode="after")
    def _check(self) -> "Split":
        if self.val + self.test + self.calibration >= 1:
            more = f" + calibration {self.calibration}" if self.calibration else ""
            raise ValueError(
                f"val {self.val} + test {self.test}{more} leaves no rows for training;"
                " their sum must be below 1"
            )
        if self.by in ("time", "group", "column") and self.column is None:
            raise ValueError(f"a split by {self.by} needs `column`, the name of its column")
        if self.by in ("random", "stratified") and self.column is not None:
            raise ValueError(
                f"a {self.by} split uses no column; set column: null or by: time, group or column"
            )
        if self.gap and self.by != "time":
            raise ValueError(f"only a split by time has a gap; set gap: 0 for by: {self.by}")
        if self.folds is not None and self.by == "column":
            raise ValueError(
                "the column of a split by column names no folds; set folds: null, or another by"
            )
        if self.repeats > 1 and (self.folds is None or self.by == "time"):
            why = (
                "without folds nothing" if self.folds is None else "what is in order in time never"
            )
            raise ValueError(f"{why} is divided anew; set repeats: 1")
        return self


class OfficialSplit(Settings):
    """The split that the set comes with, and parts of its training texts that are set aside."""

    val: float = setting(
        "size of the validation part, drawn from the training texts",
        unit="fraction of rows",
        ge=0,
        lt=1,
    )
    calibration: float = setting(
        "size of the calibration part, which nothing trains on, drawn from the training texts",
        unit="fraction of rows",
        ge=0,
        lt=1,
    )

    @model_validator(mode="after")
    def _check(self) -> "OfficialSplit":
        if self.val + self.calibration >= 1:
            raise ValueError(
                f"val {self.val} + calibration {self.calibration} leaves no texts for training;"
                " their sum must be below 1"
            )
        return self


def assign(
    split: Split,
    rows: int,
    *,
    seed: int,
    labels: "pd.Series | np.ndarray | None" = None,
    groups: "pd.Series | np.ndarray | None" = None,
    times: "pd.Series | np.ndarray | None" = None,
    column: "pd.Series | None" = None,
) -> "np.ndarray":
    """Assign each row to a part; the same arguments give the same parts.

    Sizes are exact: ``round(share * rows)`` for random and stratified splits, and
    ``round(share * distinct times)`` times for a split by time, whose gap is cut off the end of
    the earlier part. Groups stay whole, so their sizes are as near as the groups allow. But for
    times, the rows of validation and test are the same with a calibration part and without.

    :param split: the settings; ``column`` of them is not read here.
    :param rows: number of rows.
    :param seed: of the random splits (``data.seed``).
    :param labels: (rows,) classes, or numbers that are cut into tenths; for ``stratified``.
    :param groups: (rows,) for ``group``.
    :param times: (rows,) dates or numbers without missing values; for ``time``.
    :param column: (rows,) the words of ``PARTS`` or ``none``; for ``column``; its index names rows.
    :returns: int8, (rows,): 0 train, 1 val, 2 test, 3 calibration, -1 none.
    :raises UserError: if a part that was asked for gets no row, or a word is none of the five.
    """
    import numpy as np

    rng = np.random.default_rng([seed, _SPLIT_STREAM])
    if split.by == "random":
        parts = _shuffled(_sizes(split, rows), rng)
    elif split.by == "stratified":
        assert labels is not None
        parts = _stratified(split, strata_of(labels), rng)
    elif split.by == "group":
        assert groups is not None
        parts = _by_group(split, groups, rng)
    elif split.by == "time":
        assert times is not None
        parts = _by_time(split, times)
    else:
        assert column is not None
        parts = _by_column(split, column)
    assert parts.shape == (rows,)
    _refuse_empty(split, parts)
    return parts


def _sizes(split: Split, rows: int) -> dict[int, int]:
    """Rows by part."""
    sizes = {
        VAL: round(split.val * rows),
        TEST: round(split.test * rows),
        CALIBRATION: round(split.calibration * rows),
    }
    return {TRAIN: rows - sum(sizes.values()), **sizes}


def _shuffled(sizes: dict[int, int], rng: "np.random.Generator") -> "np.ndarray":
    """Parts of these sizes in random order; a byte a row, however many rows there are."""
    import numpy as np

    # Beside training, at whose cost calibration is: where the others end up is as without it.
    order = (TRAIN, CALIBRATION, VAL, TEST)
    parts = np.repeat(np.array(order, dtype=np.int8), [sizes[part] for part in order])
    rng.shuffle(parts)
    return parts


def strata_of(labels: "pd.Series | np.ndarray") -> "np.ndarray":
    """The number of each row's stratum, (rows,): of classes their own, of numbers their tenth."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_float_dtype(labels):
        order = np.argsort(np.asarray(labels), kind="stable")
        strata = np.empty(len(order), dtype=np.int64)
        strata[order] = np.arange(len(order)) * STRATA_OF_NUMBERS // max(len(order), 1)
        return strata
    return pd.factorize(np.asarray(labels), sort=True)[0]


def _stratified(split: Split, strata: "np.ndarray", rng: "np.random.Generator") -> "np.ndarray":
    import numpy as np

    counts = np.bincount(strata)
    wanted = _sizes(split, len(strata))
    left, shares = counts, {}
    for part in (TEST, VAL, CALIBRATION):
        shares[part] = _apportion(wanted[part], left)
        left = left - shares[part]
    shares[TRAIN] = left
    parts = np.empty(len(strata), dtype=np.int8)
    for stratum in range(len(counts)):
        sizes = {part: int(share[stratum]) for part, share in shares.items()}
        parts[strata == stratum] = _shuffled(sizes, rng)
    return parts


def _apportion(seats: int, counts: "np.ndarray") -> "np.ndarray":
    """Divide ``seats`` in proportion to ``counts`` by the largest remainders (Hamilton)."""
    import numpy as np

    exact = seats * counts / max(int(counts.sum()), 1)
    whole = np.floor(exact).astype(np.int64)
    largest = np.argsort(whole - exact, kind="stable")[: seats - int(whole.sum())]
    whole[largest] += 1
    return whole


def _by_group(
    split: Split, groups: "pd.Series | np.ndarray", rng: "np.random.Generator"
) -> "np.ndarray":
    """Fill test, then val, then calibration, with groups in random order while that brings the size
    nearer.
    """
    import numpy as np
    import pandas as pd

    numbers, names = pd.factorize(np.asarray(groups), sort=True)
    counts = np.bincount(numbers, minlength=len(names))
    sizes = _sizes(split, len(numbers))
    part_of_group = np.zeros(len(names), dtype=np.int8)
    missing = {part: sizes[part] for part in (TEST, VAL, CALIBRATION)}
    for group in rng.permutation(len(names)):
        for part in missing:
            if abs(missing[part] - counts[group]) < missing[part]:
                part_of_group[group] = part
                missing[part] -= int(counts[group])
                break
    return part_of_group[numbers]


def _by_time(split: Split, times: "pd.Series | np.ndarray") -> "np.ndarray":
    """In the order of `BY_TIME`; rows of one time stay together."""
    import numpy as np

    distinct, number = np.unique(np.asarray(times), return_inverse=True)
    sizes = _sizes(split, len(distinct))
    part_of_time = np.repeat(np.array(BY_TIME, dtype=np.int8), [sizes[part] for part in BY_TIME])
    starts = np.flatnonzero(np.diff(part_of_time)) + 1
    gapped = part_of_time.copy()
    for start in starts:
        gapped[max(0, start - split.gap) : start] = NO_PART
    return gapped[number]


def _by_column(split: Split, column: "pd.Series") -> "np.ndarray":
    import numpy as np

    words: dict[str, int] = {part: number for number, part in enumerate(PARTS)}
    words["none"] = NO_PART
    parts = np.empty(len(column), dtype=np.int8)
    for place, (row, word) in enumerate(column.items()):
        if word not in words:
            raise UserError(
                f"column {split.column!r}, row {row}: {word!r} names no part;"
                f" it must be one of {', '.join(words)}"
            )
        parts[place] = words[word]
    return parts


def _refuse_empty(split: Split, parts: "np.ndarray") -> None:
    import numpy as np

    counts = [np.count_nonzero(parts == number) for number in range(len(PARTS))]
    wanted: Values = {
        "train": True,
        "val": split.val > 0 and split.by != "column",
        "test": True,
        "calibration": split.calibration > 0 and split.by != "column",
    }
    for part, count in zip(PARTS, counts, strict=True):
        if wanted[part] and not count:
            gap = f" and a gap of {split.gap}" if split.gap else ""
            more = f", calibration {split.calibration}" if split.calibration else ""
            raise UserError(
                f"data.split: the {part} part of the split by {split.by} is empty: {len(parts)}"
                f" rows with val {split.val}, test {split.test}{more}{gap}; change the shares,"
                " the gap or the rows"
                if split.by != "column"
                else f"data.split: column {split.column!r} puts no row into {part};"
                " train and test must both have rows"
            )
