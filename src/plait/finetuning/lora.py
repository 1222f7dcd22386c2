"""Low-rank products beside frozen weights: W x + (alpha / rank) B A x.

Hu et al. (2022), LoRA: Low-rank adaptation of large language models; rank and targets as in its
section 5. Its appendix D has learning rates of 4e-4 and 5e-4 for RoBERTa; small models take more.
"""

from typing import TYPE_CHECKING

from plait.finetuning.base import FinetuningSettings, Targets
from plait.settings import setting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.peft_methods import MergingPeft


class Settings(FinetuningSettings):
    """``finetuning: lora``."""

    rank: int = setting("rank of the two low-rank factors", ge=1)
    alpha: int = setting("numerator of the scale alpha / rank of the low-rank product", gt=0)
    dropout: float = setting("dropout rate of the inputs of the low-rank product", ge=0, lt=1)
    target_modules: Targets = setting("layers that get a low-rank product")


def apply(
    settings: Settings, body: "PreTrainedModel", *, by_direction: bool = False
) -> "MergingPeft":
    """Put a product beside each target.

    :param by_direction: on the direction of the weights alone, as DoRA does.
    """
    from peft import LoraConfig

    from plait.finetuning.peft_methods import MergingPeft
    from plait.finetuning.targets import names_of

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=names_of(settings.target_modules, body),
        use_dora=by_direction,
    )
    return MergingPeft(body, config)
