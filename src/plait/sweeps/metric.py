"""What a configuration can be ranked by, as far as that is known before it is trained."""

from collections.abc import Sequence

from plait.config.chosen import settings_in
from plait.config.registry import family_of
from plait.config.resolved import Resolved
from plait.data.base import SourceSettings
from plait.errors import ConfigurationError
from plait.evaluation.metrics import default_of_task, metrics
from plait.tracking.query.score import MEASURED
from plait.tracking.sections import CV, FINAL, VALIDATION

MOST_FAULTS = 3
"""Lines that say why trials cannot have a metric."""

EVERY_EPOCH = "val/loss"
"""By what a search prunes where ``sweep.metric`` names nothing."""


def nothing_held_out(metric: str) -> str:
    """What to do where no rows are held out to rank by, as it continues a sentence.

    :param metric: the main one on the test part.
    """
    return (
        "no rows are held out to rank by; set data.split.val or data.split.folds above 0, or"
        f" sweep.metric={metric} to rank by the test part"
    )


def unrankable(metric: str | None, trials: Sequence[Resolved]) -> list[str]:
    """What to tell of trials of a sweep that cannot be ranked, a line each.

    :param metric: None: the main one on rows that are held out for it. Trials without such rows
        are trained all the same.
    :raises ConfigurationError: if a metric is named and no trial can have it.
    """
    faults = [fault_of(metric, resolved) for resolved in trials]
    named = list(dict.fromkeys(fault for fault in faults if fault is not None))
    everywhere = all(fault is not None for fault in faults)
    if metric is None:
        whose = "" if everywhere else "of some trials "
        return [f"names no best: {whose}{line}" for line in named[:1] if len(trials) > 1]
    lines = [f"sweep.metric: {fault}" for fault in named[:MOST_FAULTS]]
    if named and everywhere:
        raise ConfigurationError("\n  ".join(lines))
    return [f"{line}; such trials are not ranked" for line in lines]


def fault_of(metric: str | None, resolved: Resolved) -> str | None:
    """Why a trial cannot be ranked by ``metric``; None where it can, or where only training tells.

    :param metric: None: the main one on rows that are held out for it.

    What an objective or a user's own module logs is known once it has run.
    """
    data = settings_in(resolved, "data", SourceSettings)
    kind = family_of(resolved.choice("model"))
    measured = _measured(resolved)
    there = [f"test/{each}" for each in measured]
    if metric is None:
        held_out = data.may_validate or _has_folds(resolved)
        return None if held_out else nothing_held_out(there[0])
    section, _, name = metric.partition("/")
    if section in MEASURED:
        if name not in measured:
            whose = (
                "evaluation.metrics" if resolved["evaluation.metrics"] else f"a {data.task} task"
            )
            known = ", ".join(f"{section}/{each}" for each in measured)
            return f"{metric} is no metric of {whose}; there are {known}"
        if section == VALIDATION and not data.may_validate:
            return f"there is no {metric} without a validation part; set data.split.val above 0"
        if section == CV and not _has_folds(resolved):
            return f"there is no {metric} without folds; set data.split.folds"
        return None
    if metric.startswith((*FINAL, "pretraining/")):
        return None
    if not kind.by_gradient:
        losses = ["train/loss"]
        if kind.in_rounds and data.may_validate:
            losses.append("val/loss")
        if metric in losses:
            return None
        there = [*losses, *there]
        return (
            f"model={resolved.choice('model')} fits itself and has no {metric}; there are"
            f" {', '.join(there)}"
        )
    if section == "val" and not data.may_validate:
        return f"there is no {metric} without a validation part; set data.split.val above 0"
    if kind.name != "network" and section not in ("train", "val"):
        return f"there is no {metric}; there are train/loss, val/loss, {', '.join(there)}"
    return None


def main_direction(resolved: Resolved) -> str:
    """Whether the main metric is better small: ``minimize`` or ``maximize``."""
    return metrics()[_measured(resolved)[0]].direction


def _measured(resolved: Resolved) -> list[str]:
    """The metrics of the evaluation, the main one first.

    Of texts another one of the task may come first, which is as good if large.
    """
    chosen = resolved["evaluation.metrics"]
    if isinstance(chosen, list) and chosen:
        return [str(each) for each in chosen]
    known = default_of_task(settings_in(resolved, "data", SourceSettings).task)
    costly = resolved["decision.costs"] is not None
    return [name for name, item in known.items() if costly or item.takes != "costs"]


def _has_folds(resolved: Resolved) -> bool:
    split = resolved.settings("data").get("split")
    return isinstance(split, dict) and bool(split.get("folds"))
