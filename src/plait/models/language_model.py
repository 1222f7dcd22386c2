"""A pretrained transformer, adapted by a method, with a head for the task."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor, nn

from plait.finetuning.base import MethodState
from plait.finetuning.finetuned import Finetuned, layers_of
from plait.models.base import Shape
from plait.models.pretrained import TextEncoder
from plait.models.tuned import TrainableModule

if TYPE_CHECKING:
    from plait.models.encoder import Pooling


class TokenBatch(NamedTuple):
    """Rows of tokens, padded to the longest."""

    ids: Tensor
    """int64, (rows, tokens)."""
    mask: Tensor
    """int64, (rows, tokens): 1 for a token, 0 for padding, which stands last."""


class LanguageModel(TrainableModule):
    """Tokens to (rows,) for a regression, or to logits (rows, outputs).

    :param width: of the hidden states.
    :param encode: from texts to tokens.
    :param pooling: the mean over a text's tokens, the first one ([CLS]), or the last one.
    :param head_lr_multiplier: factor of the learning rate for the head.
    :param dropout: share of the pooled values dropped in training.
    """

    def __init__(
        self,
        finetuned: Finetuned,
        width: int,
        shape: Shape,
        encode: TextEncoder,
        *,
        pooling: "Pooling",
        head_lr_multiplier: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self._head_lr_multiplier = head_lr_multiplier
        self.encode = encode
        self.finetuned = finetuned
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, shape.outputs)
        self._squeezed = shape.task.scalar
        self.base: Path | None = None
        """Of a transformer that was pretrained for this one: the folder that it was read from."""

    def forward(self, features: TokenBatch) -> Tensor:
        """The outputs of a batch."""
        states = self.finetuned(features.ids, features.mask)
        outputs: Tensor = self.head(self.dropout(self._pooled(states, features.mask)))
        return outputs.squeeze(-1) if self._squeezed else outputs

    def _pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """(rows, tokens, width) to (rows, width)."""
        if self.pooling == "first":
            return states[:, 0]
        if self.pooling == "last":
            last = mask.sum(1) - 1
            return states.gather(1, last[:, None, None].expand(-1, 1, states.shape[2])).squeeze(1)
        weights = mask.to(states.dtype)
        summed: Tensor = (states * weights[:, :, None]).sum(1)
        return summed / weights.sum(1, keepdim=True)

    def rates(self) -> dict[str, float]:
        """The method's own, and the head's."""
        rates = {f"finetuned.{name}": rate for name, rate in self.finetuned.rates().items()}
        return rates | {
            f"head.{name}": self._head_lr_multiplier for name, _ in self.head.named_parameters()
        }

    def begin(self, steps: int) -> None:
        """Hand on to the method."""
        self.finetuned.begin(steps)

    def penalties(self) -> dict[str, Tensor]:
        """What the method adds to the loss."""
        term = self.finetuned.penalty()
        return {} if term is None else {"orthogonality": term}

    def after_step(self, step: int, skipped: bool) -> None:
        """Hand on to the method."""
        self.finetuned.after_step(step, skipped)

    @property
    def embeddings(self) -> nn.Module:
        """The layer that gives each token its vector."""
        return self.finetuned.embeddings

    def blocks(self) -> list[nn.Module]:
        """The transformer's layers."""
        return layers_of(self.finetuned.body)

    def method_state(self) -> MethodState:
        """Of the method."""
        return self.finetuned.method_state()

    def load_method_state(self, state: MethodState) -> None:
        """Go on from such a state."""
        self.finetuned.load_method_state(state)
