"""Everything is trained, layers near the input more slowly if so asked.

Devlin et al. (2019), BERT, have learning rates of 2e-5 to 5e-5 for 110 million parameters and more;
models of 20 million, as the default one, take four times as much. Layer-wise decay after Howard and
Ruder (2018), Universal language model fine-tuning for text classification, section 3.2.
"""

from typing import TYPE_CHECKING, ClassVar

from plait.finetuning.base import FinetuningSettings
from plait.settings import setting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.full_backbone import Full


class Settings(FinetuningSettings):
    """``finetuning: full``."""

    saves_body: ClassVar[bool] = True

    layer_decay: float = setting(
        "factor between the learning rates of a layer and the layer above it", gt=0, le=1
    )


def apply(settings: Settings, body: "PreTrainedModel") -> "Full":
    """Train all of it."""
    from plait.finetuning.full_backbone import Full

    return Full(body, settings.layer_decay)
