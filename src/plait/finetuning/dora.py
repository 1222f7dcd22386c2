"""LoRA on the direction of weights, their length learnt apart.

Liu et al. (2024), DoRA: Weight-decomposed low-rank adaptation.
"""

from typing import TYPE_CHECKING

from plait.finetuning import lora

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.peft_methods import MergingPeft


class Settings(lora.Settings):
    """``finetuning: dora``."""


def apply(settings: Settings, body: "PreTrainedModel") -> "MergingPeft":
    """Put a product and a length beside each target."""
    from peft import LoraConfig

    from plait.finetuning.peft_methods import MergingPeft
    from plait.finetuning.targets import names_of

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=names_of(settings.targets, body),
        use_dora=True,
    )
    return MergingPeft(body, config)
