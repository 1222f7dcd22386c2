"""Everything is trained, layers near the input more slowly if so asked.

Devlin et al. (2019), BERT, have learning rates of 2e-5 to 5e-5 for 110 million parameters and more;
models of 20 million, as the default one, take four times as much. Layer-wise decay after Howard and
Ruder (2018), Universal language model fine-tuning for text classification, section 3.2.
"""

from typing import TYPE_CHECKING, ClassVar

from plait.finetuning.kinds import Finetuned, FinetuningSettings, layers_of
from plait.settings import setting

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Settings(FinetuningSettings):
    """``finetuning: full``."""

    saves_body: ClassVar[bool] = True

    layer_decay: float = setting(
        "factor of the learning rate from each layer to the one below it", gt=0, le=1
    )


class Full(Finetuned):
    """Trains the whole body."""

    def __init__(self, body: "PreTrainedModel", decay: float) -> None:
        super().__init__(body.requires_grad_(True))
        self._decay = decay

    def rates(self) -> dict[str, float]:
        """The topmost layer learns at the full rate, what lies below the first one slowest."""
        if self._decay == 1:
            return {}
        depth_of: dict[int, int] = {}
        stack = layers_of(self.body)
        for depth, layer in enumerate(stack):
            depth_of |= {id(weight): depth + 1 for weight in layer.parameters()}
        return {
            name: self._decay ** (len(stack) - depth_of.get(id(weight), 0))
            for name, weight in self.named_parameters()
        }


def apply(settings: Settings, body: "PreTrainedModel") -> Full:
    """Train all of it."""
    return Full(body, settings.layer_decay)
