"""Learnt keys and values before those of the text, in every layer.

Li and Liang (2021), Prefix-tuning: Optimizing continuous prompts for generation; without the
reparametrisation, as Liu et al. (2022), P-tuning v2, found enough for classification.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from plait.finetuning.base import FinetuningSettings
from plait.settings import Chosen, setting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.peft_methods import Peft


class Settings(FinetuningSettings):
    """``finetuning: prefix``."""

    num_virtual_tokens: int = setting("learnt keys and values in each layer", unit="tokens", ge=1)

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse gradient checkpointing, which computes layers again without their prefix."""
        if chosen.family == "language_model" and chosen["trainer"].gradient_checkpointing:
            yield (
                "trainer.gradient_checkpointing: loses the keys and values that finetuning: prefix"
                " puts before the text; set it to false"
            )


def apply(settings: Settings, body: "PreTrainedModel") -> "Peft":
    """Put the prefix before every layer."""
    from peft import PrefixTuningConfig

    from plait.finetuning.peft_methods import Peft

    return Peft(body, PrefixTuningConfig(num_virtual_tokens=settings.num_virtual_tokens))
