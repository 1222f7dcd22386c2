"""Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from plait.settings import setting
from plait.training.optimizers.moments import MomentSettings

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


class Settings(MomentSettings):
    """``optimizer: adamw``."""

    weight_decay: float = setting("share of the weights that decays a step, times lr", ge=0)


def build(settings: Settings, parameters: "Iterable[nn.Parameter]") -> "Optimizer":
    """The optimiser of ``parameters``."""
    from torch.optim import AdamW

    return AdamW(parameters, **settings.model_dump())
