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
        rates, depth = {}, 0
        for name, weight in self.named_parameters():
            # What comes behind a layer, such as a decoder's last norm, lies above it.
            depth = depth_of.get(id(weight), depth)
            rates[name] = self._decay ** (len(stack) - depth)
        return rates
