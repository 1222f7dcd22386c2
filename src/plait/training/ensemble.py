"""Ensembles: members that differ by their seed, trained one after another."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from plait.artifacts import read_json, write_json
from plait.config.resolved import Resolved
from plait.models.trained import TrainedModel
from plait.training.job import Observe

CURVES = "curves.json"
"""Beside a member that is trained, until all are."""

FitOne = Callable[[Resolved, Path, Observe], tuple[TrainedModel, list[dict[str, float]]]]
"""A function from a member's configuration, a folder for its checkpoints, and who is told of its
epochs to the model and its curves."""


def fit_members(
    resolved: Resolved, fit_one: FitOne, checkpoints: Path, observe: Observe
) -> tuple[TrainedModel, list[dict[str, float]]]:
    """Train the members; one that is done is kept beside the checkpoints until all are.

    :returns: the ensemble, and the curves of all members, their epochs numbered on.
    :raises UserError: as `plait.training.fit.fit`; the next call goes on with the member it was at.
    """
    members: list[TrainedModel] = []
    curves: list[dict[str, float]] = []
    count = resolved.integer("ensemble")
    for number in range(count):
        folder, before = checkpoints / f"member_{number + 1}", len(curves)
        done = folder / "done"
        if not done.exists():
            print(f"{resolved.name}: member {number + 1} of {count}", flush=True)
            seed = member_seed(resolved.integer("seed"), number)
            told = _numbered_on(observe, before)
            _keep(done, *fit_one(resolved.with_seed(seed), folder, told))
        # As it is read again, so that going on gives the same as going through.
        members.append(TrainedModel.load(done))
        curves += [{**row, "epoch": before + row["epoch"]} for row in read_json(done / CURVES)]
    first, *others = members
    return replace(first, others=tuple(member.fitted for member in others)), curves


def member_seed(seed: int, number: int) -> int:
    """The seed of a member: the first has that of the whole, so that it is the single model."""
    import numpy as np

    if number == 0:
        return seed
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def _numbered_on(observe: Observe, before: int) -> Observe:
    return lambda epoch, values: observe(before + epoch, values)


def _keep(folder: Path, member: TrainedModel, curves: list[dict[str, float]]) -> None:
    """Write a member that is trained, at once or not at all."""
    partial = folder.with_name("partial")
    shutil.rmtree(partial, ignore_errors=True)
    member.save(partial)
    write_json(partial / CURVES, curves)
    partial.rename(folder)
