"""Cross-validation: which member learns from which rows of the training part, and which it is
measured on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plait.data.base import SourceSettings
from plait.data.dataset import Dataset, read_parquet
from plait.data.faults import refuse
from plait.data.splits import Split, strata_of
from plait.errors import UserError
from plait.tasks.label_sets import rarest
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FILE = "folds.parquet"
"""Beside the parts, where there are folds."""

LEARNT, HELD_OUT, NEITHER = 0, 1, -1
"""What a row of the training part is to a member: what it learns from, what it is measured on, or,
of a split by time, what lies between the two or later."""

KEY = "data.split.folds"

_FOLD_STREAM = 0xF01D
"""Sets the folds' random stream apart from that of the split with the same seed."""

Divide = Callable[[Dataset, "pd.DataFrame"], "Folds"]
"""From the description of a data set and its training part to the folds of that."""


@dataclass(frozen=True)
class Folds:
    """A member for each fold of each repeat."""

    repeats: int
    roles: "np.ndarray"
    """int8, (members, rows): what each row of the training part is to each member; the members of a
    repeat stand beside each other."""

    def __len__(self) -> int:
        """How many members there are."""
        return len(self.roles)

    @property
    def number(self) -> int:
        """Folds of each repeat."""
        return len(self.roles) // self.repeats

    def learnt(self, member: int) -> "np.ndarray":
        """The rows that a member learns from, bool, (rows,)."""
        rows: np.ndarray = self.roles[member] == LEARNT
        return rows

    def held_out(self, member: int) -> "np.ndarray":
        """The rows that a member is measured on, bool, (rows,)."""
        rows: np.ndarray = self.roles[member] == HELD_OUT
        return rows

    def title(self, member: int) -> str:
        """What a member is called, such as ``fold 2 of 5`` or ``fold 2 of 5, repeat 1 of 3``."""
        repeat, fold = divmod(member, self.number)
        once = f"fold {fold + 1} of {self.number}"
        return once if self.repeats == 1 else f"{once}, repeat {repeat + 1} of {self.repeats}"

    def write(self, path: Path) -> None:
        """Write a column a member, a row for each of the training part."""
        import pandas as pd

        names = [
            f"repeat_{n // self.number + 1}_fold_{n % self.number + 1}" for n in range(len(self))
        ]
        pd.DataFrame(dict(zip(names, self.roles, strict=True))).to_parquet(path, index=False)


def read_folds(folder: Path) -> Folds | None:
    """The folds of a data set; None where it has none.

    :raises UserError: if the file is damaged.
    """
    frame = read_parquet(folder / FILE)
    if frame is None:
        return None
    repeats = max(int(str(name).split("_")[1]) for name in frame)
    return Folds(repeats, frame.to_numpy().T)


def dividing(settings: SourceSettings) -> Divide | None:
    """How a choice of data divides its training part; None where it does not."""
    split = settings.split
    if not isinstance(split, Split) or split.folds is None:
        return None
    # Of a source without one, nothing is drawn at random.
    seed = int(dict(settings).get("seed", 0))
    return lambda dataset, train: divide(split, seed, dataset, train)


def columns_read(dataset: Dataset) -> list[str]:
    """The columns of the training part by which it is divided."""
    return [name for role in ("target", "group", "time") for name in dataset.names(role)]


def divide(split: Split, seed: int, dataset: Dataset, train: "pd.DataFrame") -> Folds:
    """Divide the training part by the same way as the rows into parts.

    Random folds differ by a row at most, stratified ones by a row of each class (or of each tenth
    of the target); groups stay whole, each put into what is the smallest fold then, in random
    order. By time, the latest distinct times are cut into as many folds as are asked for, and the
    rows before a fold, but for the gap, are learnt from: the window of learning expands.

    :param seed: as `plait.data.splits.assign` takes it.
    :param train: at least `columns_read`, in the order of the training part.
    :raises UserError: with everything for which there are too few rows, and what to set.
    """
    import numpy as np

    assert split.folds is not None, "only what has folds is divided"
    refuse(KEY, _too_few(split, dataset, train))
    if split.by == "time":
        roles = _by_time(split, train[dataset.names("time")[0]])
    else:
        pieces = []
        for repeat in range(split.repeats):
            rng = np.random.default_rng([seed, _FOLD_STREAM, repeat])
            fold_of_row = _at_random(split, split.folds, dataset, train, rng)
            numbers = np.arange(split.folds)[:, None]
            pieces.append((fold_of_row == numbers).astype(np.int8))
        # HELD_OUT is 1, and what is not held out is learnt from.
        roles = np.concatenate(pieces)
    folds = Folds(split.repeats, roles)
    refuse(KEY, _unlearnt(folds, dataset, train))
    return folds


def _at_random(
    split: Split, count: int, dataset: Dataset, train: "pd.DataFrame", rng: "np.random.Generator"
) -> "np.ndarray":
    """The number of each row's fold, (rows,)."""
    import numpy as np
    import pandas as pd

    if split.by == "group":
        numbers, names = pd.factorize(train[dataset.names("group")[0]], sort=True)
        counts = np.bincount(numbers, minlength=len(names))
        fold_of_group = np.empty(len(names), dtype=np.int64)
        sizes = np.zeros(count, dtype=np.int64)
        for group in rng.permutation(len(names)):
            fold_of_group[group] = sizes.argmin()
            sizes[fold_of_group[group]] += counts[group]
        return fold_of_group[numbers]
    order = rng.permutation(len(train))
    if split.by == "stratified":
        # Dealt out stratum by stratum, and on from one to the next.
        order = order[np.argsort(_strata(dataset, train)[order], kind="stable")]
    fold_of_row = np.empty(len(train), dtype=np.int64)
    fold_of_row[order] = np.arange(len(train)) % count
    return fold_of_row


def _strata(dataset: Dataset, train: "pd.DataFrame") -> "np.ndarray":
    target = train[dataset.target]
    return strata_of(rarest(target) if task_named(dataset.task).several else target)


def _by_time(split: Split, times: "pd.Series") -> "np.ndarray":
    """The roles, (folds, rows)."""
    import numpy as np

    assert split.folds is not None, "only what has folds is divided"
    distinct, time_of_row = np.unique(times.to_numpy(), return_inverse=True)
    blocks = np.array_split(np.arange(len(distinct)), split.folds + 1)
    roles = np.full((split.folds, len(times)), NEITHER, dtype=np.int8)
    for member, block in zip(roles, blocks[1:], strict=True):
        member[time_of_row < block[0] - split.gap] = LEARNT
        member[(time_of_row >= block[0]) & (time_of_row <= block[-1])] = HELD_OUT
    return roles


def _too_few(split: Split, dataset: Dataset, train: "pd.DataFrame") -> list[UserError]:
    """What there is less of than there are folds."""
    folds = split.folds
    assert folds is not None, "only what has folds is divided"
    faults = []
    if len(train) < folds:
        faults.append(f"{folds} folds of {len(train)} training rows; set it to at most as many")
    if split.by in ("group", "time"):
        names = dataset.names("group" if split.by == "group" else "time")
        if not names:
            return [UserError(f"{KEY}: data={dataset.source} has no column of {split.by}s")]
        there = train[names[0]].nunique()
        if split.by == "group" and there < folds:
            faults.append(
                f"{folds} folds of {there} groups of {names[0]!r}; set it to at most {there}"
            )
        first = -(-there // (folds + 1)) if there else 0
        if split.by == "time" and (there <= folds or first <= split.gap):
            gap = f" with a gap of {split.gap}" if split.gap else ""
            faults.append(
                f"{there} distinct times of {names[0]!r} are too few for {folds} folds{gap}: the"
                " first of one more parts of equal length is learnt from before the first fold; set"
                f" it lower{', or data.split.gap' if split.gap else ''}"
            )
    labels = _labels(dataset, train)
    several = task_named(dataset.task).several
    if split.by == "stratified" and labels is not None and not several:
        for name, count in labels.value_counts(sort=False).sort_index().items():
            if count < folds:
                faults.append(
                    f"{folds} folds, but {count} training rows of the class {name!r}; set"
                    " it to at most as many, merge the class with another, or set data.split.by:"
                    " random"
                )
    return [UserError(f"{KEY}: {fault}") for fault in faults]


def _labels(dataset: Dataset, train: "pd.DataFrame") -> "pd.Series | None":
    """The classes of the training part, a row each; None where there are none."""
    targets = dataset.names("target")
    if not dataset.classes or len(targets) != 1:
        return None
    return task_named(dataset.task).labels(train[targets[0]])


def _unlearnt(folds: Folds, dataset: Dataset, train: "pd.DataFrame") -> list[UserError]:
    """Classes of the training part that a member would not learn: it could not name them."""
    labels = _labels(dataset, train)
    if labels is None:
        return []
    faults = []
    # A row may have several labels, which bear its index.
    rows = train.index.get_indexer(labels.index)
    for name in sorted(labels.unique()):
        where = rows[(labels == name).to_numpy()]
        lacking = [n for n in range(len(folds)) if not folds.learnt(n)[where].any()]
        if lacking:
            more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
            faults.append(
                UserError(
                    f"{KEY}: the class {name!r} never stands in what {folds.title(lacking[0])}"
                    f"{more} learns from; set another number of folds or way of dividing, or merge"
                    " the class with another"
                )
            )
    return faults
