"""Members of one run: those of an ensemble, which differ by their seed, and of cross-validation, of
which each learns from other rows too. They are trained one after another, or several at once.
"""

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from plait.artifacts import read_json, write_json
from plait.config.resolved import Resolved
from plait.data.folds import Folds
from plait.errors import UserError
from plait.models.trained import TrainedModel
from plait.proof.refusal import Unproved
from plait.training.job import Observe

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CURVES = "curves.json"
"""Beside a member that is trained, until all are."""


@dataclass(frozen=True)
class Member:
    """What one member is trained by."""

    title: str
    """As it continues the experiment's name: ``member 2 of 5``, ``fold 2 of 5``."""
    resolved: Resolved
    """With its own seed, and nothing of other members."""
    checkpoints: Path
    """A folder of its own."""
    rows: "np.ndarray | None" = None
    """Of the training part, those that it learns from, bool, (rows,); None: all."""

    @property
    def done(self) -> Path:
        """Where it is kept once it is trained, until all are."""
        return self.checkpoints / "done"

    def learnt(self, train: "pd.DataFrame") -> "pd.DataFrame":
        """The rows of the training part that it learns from, numbered as a part of their own."""
        return train if self.rows is None else train[self.rows].reset_index(drop=True)

    def fault(self, error: UserError) -> UserError:
        """What is wrong with it, by its name."""
        name = self.resolved.name
        said = str(error).removeprefix(f"{name}: ")
        return UserError(f"{name}: {self.title}: {said}", error.status)


FitOne = Callable[[Member, Observe], tuple[TrainedModel, list[dict[str, float]]]]
"""From a member, and who is told of its epochs, to the model and its curves."""


def members_of(resolved: Resolved, folds: Folds | None, checkpoints: Path) -> list[Member]:
    """The members of a run, in order; of a single model none.

    :param folds: of the training part, if it is divided.
    :param checkpoints: a folder of this identity's own.
    """
    seed = resolved.integer("seed")
    if folds is None:
        count = 0 if resolved["ensemble"] is None else resolved.integer("ensemble")
        titles = [f"member {number + 1} of {count}" for number in range(count)]
    else:
        titles = [folds.title(number) for number in range(len(folds))]
    return [
        Member(
            title,
            resolved.with_seed(member_seed(seed, number)),
            checkpoints / f"member_{number + 1}",
            None if folds is None else folds.learnt(number),
        )
        for number, title in enumerate(titles)
    ]


def fit_members(
    members: list[Member], fit_one: FitOne, observe: Observe, untold: Collection[Path] = ()
) -> tuple[TrainedModel, list[dict[str, float]]]:
    """Train the members; one that is done is kept beside the checkpoints until all are.

    :param untold: where members are that have been trained meanwhile, of whose epochs nobody has
        been told.
    :returns: the first with the others, and the curves of all, their epochs numbered on.
    :raises UserError: as `plait.training.fit.fit`, naming the member; the next call goes on with
        the one it was at.
    """
    models: list[TrainedModel] = []
    curves: list[dict[str, float]] = []
    for member in members:
        before = len(curves)
        if not member.done.exists():
            print(f"{member.resolved.name}: {member.title}", flush=True)
            keep(member, *_fitted(member, fit_one, _numbered_on(observe, before)))
        # As it is read again, so that going on gives the same as going through.
        models.append(TrainedModel.load(member.done))
        for row in read_json(member.done / CURVES):
            epoch = before + row.pop("epoch")
            curves.append({"epoch": epoch, **row})
            if member.done in untold:
                observe(epoch, row)
    first, *others = models
    return replace(first, others=tuple(others)), curves


def _fitted(
    member: Member, fit_one: FitOne, observe: Observe
) -> tuple[TrainedModel, list[dict[str, float]]]:
    try:
        return fit_one(member, observe)
    except Unproved:
        raise  # which is of the whole
    except UserError as error:
        raise member.fault(error) from error


def member_seed(seed: int, number: int) -> int:
    """The seed of a member: the first has that of the whole, so that it is the single model."""
    import numpy as np

    if number == 0:
        return seed
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def _numbered_on(observe: Observe, before: int) -> Observe:
    return lambda epoch, values: observe(before + epoch, values)


def keep(member: Member, model: TrainedModel, curves: list[dict[str, float]]) -> None:
    """Write a member that is trained, at once or not at all."""
    partial = member.done.with_name("partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save(partial)
    write_json(partial / CURVES, curves)
    partial.rename(member.done)
