"""What the methods that come from peft share."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from plait.finetuning.finetuned import Finetuned

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel


@contextmanager
def without_notices() -> Iterator[None]:
    """Peft 0.21 calls transformers 5.24 by names that the latter renames."""
    with warnings.catch_warnings():
        # It sees to GPT-2's transposed layers by itself, and warns that it does.
        warnings.filterwarnings("ignore", "fan_in_fan_out is set to False", UserWarning)
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*", FutureWarning)
        warnings.filterwarnings("ignore", ".*past_key_values.*", FutureWarning)
        yield


class Peft(Finetuned):
    """A body that peft has put its layers into.

    :param config: of the method; its ``task_type`` is set here.
    """

    def __init__(self, body: "PreTrainedModel", config: "PeftConfig") -> None:
        from peft import PromptLearningConfig, TaskType, get_peft_model

        config.task_type = TaskType.FEATURE_EXTRACTION
        with without_notices():
            super().__init__(get_peft_model(body, config, autocast_adapter_dtype=False))
        if isinstance(config, PromptLearningConfig):
            self.own_tokens = config.num_virtual_tokens

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token numbers and mask to hidden states of the text's own tokens."""
        with without_notices():
            return super().forward(ids, mask)[:, -ids.shape[1] :]


class MergingPeft(Peft):
    """One whose additions are products of matrices, or factors, on the body's own weights."""

    def merge(self) -> nn.Module:
        """The body, its weights changed for good."""
        body: Any = self.body
        merged: nn.Module = body.merge_and_unload()
        return merged
