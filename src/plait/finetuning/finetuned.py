"""A transformer that a method has been applied to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from plait.finetuning.base import MethodState

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Finetuned(nn.Module):
    """A transformer and what a method adds to it.

    What is trained is what ``requires_grad``; all the rest stays as it was pretrained.
    """

    own_tokens = 0
    """Places before the text that the method takes up."""

    def __init__(self, body: "PreTrainedModel | nn.Module") -> None:
        super().__init__()
        self.body = body

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token numbers and mask, int64 (rows, tokens), to hidden states (rows, tokens, width)."""
        states: Tensor = self.body(input_ids=ids, attention_mask=mask).last_hidden_state
        return states

    @property
    def embeddings(self) -> nn.Module:
        """The layer that gives each token its vector."""
        body: Any = self.body
        layer: nn.Module = body.get_input_embeddings()
        return layer

    def rates(self) -> dict[str, float]:
        """The factor of the learning rate of each parameter, by its name, where it is not 1."""
        return {}

    def begin(self, steps: int) -> None:
        """Called with the number of optimiser steps before the first one."""

    def penalty(self) -> Tensor | None:
        """What the method adds to the loss."""
        return None

    def after_step(self, step: int, skipped: bool) -> None:
        """Called after each optimiser step, gradients still there; the first step is 1.

        A step is skipped where gradients are more than half precision holds.
        """

    def method_state(self) -> MethodState:
        """The state beside the weights that `after_step` depends on; checkpoints hold it."""
        return {}

    def load_method_state(self, state: MethodState) -> None:
        """Go on from the state that `method_state` gave to a checkpoint."""

    def merge(self) -> "nn.Module | None":
        """The body with what was added worked into its own weights; None where that can't be."""
        return None


def layers_of(body: nn.Module) -> list[nn.Module]:
    """The layers of a transformer, from the input on.

    :raises ValueError: if it has none.
    """
    stacks = [module for module in body.modules() if isinstance(module, nn.ModuleList)]
    if not stacks:
        raise ValueError("no stack of layers in this model")
    stack = max(stacks, key=lambda stack: sum(weight.numel() for weight in stack.parameters()))
    # Some have theirs in groups.
    groups = [list(part) if isinstance(part, nn.ModuleList) else [part] for part in stack]
    return [layer for group in groups for layer in group]


def linear_layers(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The linear layers of a block, by their names in it; GPT-2's are transposed ones."""
    from transformers.pytorch_utils import Conv1D

    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear | Conv1D):
            yield name, layer
