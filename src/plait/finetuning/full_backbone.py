"""A transformer that is trained as a whole."""

from typing import TYPE_CHECKING

from plait.finetuning.finetuned import Finetuned, layers_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Full(Finetuned):
    """Trains the whole body."""

    def __init__(self, body: "PreTrainedModel", decay: float) -> None:
        super().__init__(body.requires_grad_(True))
        self._decay = decay

    def rates(self) -> dict[str, float]:
        """The topmost layer learns at the full rate, what lies below the first one slowest."""
        if self._decay == 1:
            return {}
        stack = layers_of(self.body)
        depth_of = {
            id(weight): depth
            for depth, layer in enumerate(stack, start=1)
            for weight in layer.parameters()
        }
        return {
            name: self._decay
            ** (len(stack) - depth_of.get(id(weight), len(stack) if _is_last(name) else 0))
            for name, weight in self.named_parameters()
        }


LAST_NORMS = {"norm", "ln_f", "final_norm", "final_layer_norm", "final_layernorm"}
"""What decoders and their kin call the norm above their layers."""


def _is_last(name: str) -> bool:
    return name.split(".")[-2] in LAST_NORMS
