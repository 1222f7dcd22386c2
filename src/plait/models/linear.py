"""A linear map, trained by gradient descent: y = X w + b, or logits for classes."""

from typing import TYPE_CHECKING

from plait.models.base import NetworkSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from torch import nn


class Settings(NetworkSettings):
    """``model: linear``."""

    bias: bool = setting("whether a bias is learnt beside the weights")


def build(settings: Settings, shape: Shape) -> "nn.Module":
    """(rows, inputs) to (rows,), or to (rows, classes)."""
    from plait.models.network import dense

    return dense(shape, hidden=[], bias=settings.bias)
