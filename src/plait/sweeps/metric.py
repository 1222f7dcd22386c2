"""Whether a metric can be had of a configuration, as far as that is known before it is trained."""

from plait.config.chosen import settings_in
from plait.config.registry import family_of
from plait.config.resolved import Resolved
from plait.data.base import SourceSettings
from plait.evaluation.metrics import default_of_task
from plait.tracking.sections import FINAL


def fault_of(metric: str, resolved: Resolved) -> str | None:
    """Why a trial cannot be ranked by ``metric``; None where it can, or where only training tells.

    What an objective or a user's own module logs is known once it has run.
    """
    section, _, name = metric.partition("/")
    data = settings_in(resolved, "data", SourceSettings)
    kind = family_of(resolved.choice("model"))
    chosen = resolved["evaluation.metrics"]
    measured = [str(each) for each in chosen] if isinstance(chosen, list) else []
    measured = measured or [
        name
        for name, item in default_of_task(data.task).items()
        if item.takes != "costs" or resolved["decision.costs"] is not None
    ]
    there = [f"test/{each}" for each in measured]
    if section == "test":
        if name in measured:
            return None
        whose = "evaluation.metrics" if chosen else f"a {data.task} task"
        return f"{metric} is no metric of {whose}; there are {', '.join(there)}"
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
