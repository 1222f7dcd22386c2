"""A multilayer perceptron."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from plait.models.base import NetworkSettings, Shape
from plait.settings import setting

if TYPE_CHECKING:
    from torch import nn

from typing import Annotated


class Settings(NetworkSettings):
    """``model: mlp``."""

    hidden_sizes: list[Annotated[int, Field(ge=1)]] = setting(
        "widths of the hidden layers, the one next to the input first", unit="neurons", min_length=1
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = setting(
        "activation function after each hidden layer"
    )
    dropout: float = setting("dropout rate of every hidden layer's outputs", ge=0, lt=1)
    normalization: Literal["none", "batch", "layer"] = setting(
        "normalisation before each activation"
    )


def build(settings: Settings, shape: Shape) -> "nn.Module":
    """(rows, inputs) to (rows,), or to (rows, classes)."""
    from torch import nn

    from plait.models.network import dense

    activation = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}[
        settings.activation
    ]
    normalization = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}.get(settings.normalization)

    def between(width: int) -> list[nn.Module]:
        following: list[nn.Module] = [normalization(width)] if normalization else []
        following.append(activation())
        return [*following, nn.Dropout(settings.dropout)] if settings.dropout else following

    return dense(shape, settings.hidden_sizes, between=between)
