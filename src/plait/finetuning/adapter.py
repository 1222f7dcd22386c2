"""Bottlenecks after the attention and the feed-forward part of every layer.

Houlsby et al. (2019), Parameter-efficient transfer learning for NLP: h + W_up f(W_down h), the
up-projection near zero at first so that training starts from the pretrained function; layer norms
are trained along, as there (section 2.1).
"""

from typing import TYPE_CHECKING

from plait.finetuning.base import FinetuningSettings
from plait.settings import setting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.finetuned import Finetuned


class Settings(FinetuningSettings):
    """``finetuning: adapter``."""

    bottleneck: int = setting("width of the bottlenecks", unit="neurons", ge=1)
    train_layer_norms: bool = setting("whether the layer norms are trained along")


def apply(settings: Settings, body: "PreTrainedModel") -> "Finetuned":
    """Put a bottleneck behind the last linear layer of both parts of every layer."""
    from plait.finetuning.bottlenecks import with_bottlenecks

    return with_bottlenecks(body, settings.bottleneck, settings.train_layer_norms)
