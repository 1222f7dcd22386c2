"""Adafactor (Shazeer and Stern 2018): factored second moments."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from plait.settings import Settings as Base
from plait.settings import setting

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


class Settings(Base):
    """``optimizer: adafactor``."""

    lr: float = setting("learning rate, relative to the weights' size", gt=0)
    beta2_decay: float = setting(
        "exponent of the step in the decay rate of the second moment", lt=0
    )
    clip_threshold: float = setting("largest root mean square of an update", ge=1)
    weight_decay: float = setting("share of the weights that decays a step, times lr", ge=0)


def build(settings: Settings, parameters: "Iterable[nn.Parameter]") -> "Optimizer":
    """The optimiser of ``parameters``."""
    from torch.optim import Adafactor

    return Adafactor(
        parameters,
        lr=settings.lr,
        beta2_decay=settings.beta2_decay,
        d=settings.clip_threshold,
        weight_decay=settings.weight_decay,
    )
