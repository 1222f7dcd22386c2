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
    return lora.apply(settings, body, by_direction=True)
