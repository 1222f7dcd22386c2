"""Cross-entropy of class logits."""

from typing import TYPE_CHECKING, ClassVar

from plait.objectives.kinds import Batch, Objective, ObjectiveSettings
from plait.settings import setting

if TYPE_CHECKING:
    from torch import Tensor, nn

    from plait.data.dataset import Task


class Settings(ObjectiveSettings):
    """``objective: cross_entropy``."""

    tasks: ClassVar[tuple["Task", ...]] = ("classification",)

    label_smoothing: float = setting("share of each label spread over all classes", ge=0, lt=1)


def build(settings: Settings) -> Objective:
    """The mean over rows; logs the accuracy beside it."""
    from torch.nn.functional import cross_entropy

    def objective(model: "nn.Module", batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        logits = model(batch.features)
        loss = cross_entropy(logits, batch.targets, label_smoothing=settings.label_smoothing)
        hits = logits.detach().argmax(-1) == batch.targets
        return loss, {"accuracy": hits.to(loss.dtype).mean()}

    return objective
