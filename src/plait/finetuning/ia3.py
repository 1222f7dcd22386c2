"""Factors on keys, values and the inner activations of the feed-forward layers.

Liu et al. (2022), Few-shot parameter-efficient fine-tuning is better and cheaper than in-context
learning; learning rate as in its appendix C.
"""

from typing import TYPE_CHECKING

from plait.finetuning.base import FinetuningSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from plait.finetuning.peft_methods import MergingPeft


class Settings(FinetuningSettings):
    """``finetuning: ia3``."""


def apply(settings: Settings, body: "PreTrainedModel") -> "MergingPeft":
    """Put the factors where peft knows the architecture's layers."""
    from peft import IA3Config

    from plait.finetuning.peft_methods import MergingPeft

    return MergingPeft(body, IA3Config())
