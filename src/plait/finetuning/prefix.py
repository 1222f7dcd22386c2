"""Learnt keys and values before those of the text, in every layer.

Li and Liang (2021), Prefix-tuning: Optimizing continuous prompts for generation; without the
reparametrisation, as Liu et al. (2022), P-tuning v2, found enough for classification.
"""

from typing import TYPE_CHECKING

from plait.finetuning.kinds import FinetuningSettings
from plait.settings import setting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.peft_methods import Peft


class Settings(FinetuningSettings):
    """``finetuning: prefix``."""

    tokens: int = setting("keys and values that are learnt, in each layer", unit="tokens", ge=1)


def apply(settings: Settings, body: "PreTrainedModel") -> "Peft":
    """Put the prefix before every layer."""
    from peft import PrefixTuningConfig

    from plait.finetuning.peft_methods import Peft

    return Peft(body, PrefixTuningConfig(num_virtual_tokens=settings.tokens))
