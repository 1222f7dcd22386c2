"""Stochastic gradient descent, with momentum."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import model_validator

from plait.settings import Settings as Base
from plait.settings import setting

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


class Settings(Base):
    """``optimizer: sgd``."""

    lr: float = setting("learning rate", gt=0)
    momentum: float = setting(
        "momentum: share of the last update that is kept in the next", ge=0, lt=1
    )
    nesterov: bool = setting("whether to look ahead along the momentum (Nesterov's)")
    weight_decay: float = setting("L2 penalty on the weights", ge=0)

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Settings":
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs momentum > 0")
        return self


def build(settings: Settings, parameters: "Iterable[nn.Parameter]") -> "Optimizer":
    """The optimiser of ``parameters``."""
    from torch.optim import SGD

    return SGD(parameters, **settings.model_dump())
