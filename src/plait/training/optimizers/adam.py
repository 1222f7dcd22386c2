"""Adam (Kingma and Ba 2015)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from plait.settings import setting
from plait.training.optimizers.moments import MomentSettings

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


class Settings(MomentSettings):
    """``optimizer: adam``."""

    weight_decay: float = setting("L2 penalty added to the gradient", ge=0)


def build(settings: Settings, parameters: "Iterable[nn.Parameter]") -> "Optimizer":
    """The optimiser of ``parameters``."""
    from torch.optim import Adam

    return Adam(parameters, **settings.model_dump())
