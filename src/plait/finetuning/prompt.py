"""Learnt embeddings before those of the text.

Lester, Al-Rfou and Constant (2021), The power of scale for parameter-efficient prompt tuning;
length as there, learning rate lowered from its 0.3 of Adafactor for AdamW.
"""

from typing import TYPE_CHECKING

from plait.finetuning.base import FinetuningSettings
from plait.settings import setting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.peft_methods import Peft


class Settings(FinetuningSettings):
    """``finetuning: prompt``."""

    num_virtual_tokens: int = setting("learnt embeddings before the text", unit="tokens", ge=1)


def apply(settings: Settings, body: "PreTrainedModel") -> "Peft":
    """Put the prompt before the text."""
    from peft import PromptTuningConfig

    from plait.finetuning.peft_methods import Peft

    return Peft(body, PromptTuningConfig(num_virtual_tokens=settings.num_virtual_tokens))
