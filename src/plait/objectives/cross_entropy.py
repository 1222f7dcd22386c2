"""Cross-entropy of class logits."""

from typing import TYPE_CHECKING, ClassVar, Literal

from plait.objectives.base import AnyBatch, Objective, ObjectiveSettings
from plait.settings import setting

if TYPE_CHECKING:
    from torch import Tensor, nn


class Settings(ObjectiveSettings):
    """``objective: cross_entropy``."""

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    weighted: ClassVar[bool] = True

    label_smoothing: float = setting("share of each label spread over all classes", ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = setting(
        "weighting of classes; balanced: rows count by rows / (classes * rows of their class),"
        " as if classes were equally frequent"
    )


def build(settings: Settings, targets: "Tensor") -> Objective:
    """The mean over rows; logs the accuracy beside it."""
    from torch.nn.functional import cross_entropy

    weights = _balance(targets) if settings.class_weights == "balanced" else None

    def objective(model: "nn.Module", batch: AnyBatch) -> "tuple[Tensor, dict[str, Tensor]]":
        logits = model(batch.features)
        smoothing = settings.label_smoothing
        if weights is None and batch.weights is None:
            loss = cross_entropy(logits, batch.targets, label_smoothing=smoothing)
        else:
            losses = cross_entropy(
                logits, batch.targets, label_smoothing=smoothing, reduction="none"
            )
            if weights is not None:
                losses = losses * weights.to(losses)[batch.targets]
            loss = batch.mean(losses)
        hits = logits.detach().argmax(-1) == batch.targets
        return loss, {"accuracy": batch.mean(hits.to(loss.dtype))}

    return objective


MOST_CLASSES = 1 << 16


def _balance(targets: "Tensor") -> "Tensor":
    """The weight of each class; of one that does not occur, that of one which does once."""
    counts = targets.bincount(minlength=MOST_CLASSES).double()
    return counts.sum() / (counts.count_nonzero() * counts.clamp(min=1))
