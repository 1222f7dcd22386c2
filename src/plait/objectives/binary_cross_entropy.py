"""Cross-entropy of each label's logit, where a row may have several labels."""

from typing import TYPE_CHECKING, ClassVar, Literal

from plait.objectives.base import AnyBatch, Objective, ObjectiveSettings
from plait.settings import setting

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(ObjectiveSettings):
    """``objective: binary_cross_entropy``."""

    tasks: ClassVar[tuple[str, ...]] = ("multilabel",)

    label_smoothing: float = setting(
        "distance by which the targets 0 and 1 move towards each other, half of it each", ge=0, lt=1
    )
    class_weights: Literal["none", "balanced"] = setting(
        "weighting of classes; balanced: the rows that have a label count for it as much as"
        " those that have not"
    )


def build(settings: Settings, targets: "Tensor") -> Objective:
    """The mean over rows and labels; logs the share of rows whose labels are all right."""
    from torch.nn.functional import binary_cross_entropy_with_logits

    weights = None
    if settings.class_weights == "balanced":
        having = targets.double().sum(0)
        # A label that no row has, or each, is as it would be if one had it, or one had not.
        weights = (len(targets) - having).clamp(min=1) / having.clamp(min=1)

    def objective(model: "nn.Module", batch: AnyBatch) -> "tuple[Tensor, dict[str, Tensor]]":
        logits = model(batch.features)
        wanted = batch.targets * (1 - settings.label_smoothing) + settings.label_smoothing / 2
        loss = binary_cross_entropy_with_logits(
            logits, wanted.to(logits), pos_weight=None if weights is None else weights.to(logits)
        )
        right = ((logits.detach() >= 0) == batch.targets.bool()).all(-1)
        return loss, {"accuracy": right.to(loss.dtype).mean()}

    return objective
