"""Stop when the validation loss no longer falls."""

from typing import TYPE_CHECKING, ClassVar

from plait.settings import setting
from plait.training.callbacks.base import CallbackSettings

if TYPE_CHECKING:
    from lightning.pytorch import Callback


class Settings(CallbackSettings):
    """``callbacks: [early_stopping]``."""

    needs_validation: ClassVar[bool] = True

    patience: int = setting("epochs without improvement until training stops", unit="epochs", ge=1)
    min_delta: float = setting("smallest fall of the loss that counts as improvement", ge=0)


def build(settings: Settings) -> "Callback":
    """Lightning's own, on ``val/loss``."""
    from lightning.pytorch.callbacks import EarlyStopping

    return EarlyStopping("val/loss", patience=settings.patience, min_delta=settings.min_delta)
