"""A transformer that guesses the words hidden from it, as it was pretrained by.

Devlin et al. (2019), BERT: Pre-training of deep bidirectional transformers for language
understanding: of the chosen tokens 80 % are hidden, 10 % are others, 10 % stay as they are.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from plait.models.counter_rng import CounterRNGLayer, mixed, splitmix64_int
from plait.models.language_model import TokenBatch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

HIDDEN, REPLACED = 0.8, 0.9
"""Up to which share of the chosen tokens each is hidden, or another stands in its place."""

NOTHING = -100
"""Stands where no word is to be guessed."""


class Masking(CounterRNGLayer):
    """Chooses the tokens that are to be guessed, and hides them.

    The choice depends on seed, step and the text's own tokens alone, so that it is the same in
    whichever process a text is; where nothing is learnt, on the seed and the text.

    :param share: of the tokens that are chosen.
    :param hidden: the token that stands for a hidden one.
    :param special: tokens that are never chosen.
    :param vocabulary: number of tokens there are.
    """

    def __init__(
        self, share: float, hidden: int, special: tuple[int, ...], vocabulary: int
    ) -> None:
        super().__init__()
        self.share, self.hidden, self.vocabulary = share, hidden, vocabulary
        self._special = special

    def forward(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """What the transformer is shown, and what it is to guess, int64 (rows, tokens)."""
        ids, mask = batch
        seed, step = (0, -1) if self.draws is None else (self.draws.seed, self.draws.step)
        key = splitmix64_int(splitmix64_int(seed) + (step if self.training else -1))
        places = torch.arange(ids.shape[1], device=ids.device)
        # Of the whole text, so that two texts with a word in one place draw apart.
        text = (mixed(ids * mask + mixed(places)) * mask).sum(1, keepdim=True)
        bits = mixed(mixed(text + key) ^ mixed(places + 1))
        chosen, kind, other = (mixed(bits + number) & LARGEST for number in range(3))
        able = mask.bool()
        for token in self._special:
            able &= ids != token
        wanted = able & (chosen < _below(self.share))
        # Of a short text one at least, from which it learns.
        first = torch.where(able, chosen, LARGEST).argmin(1, keepdim=True)
        none = ~wanted.any(1, keepdim=True)
        wanted = wanted | (able & none & (places == first))
        shown = torch.where(wanted & (kind < _below(HIDDEN)), self.hidden, ids)
        replaced = (kind >= _below(HIDDEN)) & (kind < _below(REPLACED))
        shown = torch.where(wanted & replaced, other % self.vocabulary, shown)
        return shown, torch.where(wanted, ids, NOTHING)


LARGEST = 2**53 - 1
"""Of the numbers that are drawn; not all devices have float64, so that shares are compared so."""


def _below(share: float) -> int:
    """Of numbers from 0 to `LARGEST`, so great a share is below."""
    return round(share * 2**53)


class MaskedLanguageModel(nn.Module):
    """From a batch of tokens to what becomes of each text's hidden words.

    The head's last layer is the table of embeddings, so that little is new.

    :param body: the transformer; all of it is trained.
    """

    def __init__(self, body: "PreTrainedModel", masking: Masking) -> None:
        super().__init__()
        # Some have narrower embeddings than layers.
        vocabulary, width = _embeddings(body).shape
        self.body, self.masking = body, masking
        self.body.requires_grad_(True)
        self.transform = nn.Sequential(
            nn.Linear(body.config.hidden_size, width), nn.GELU(), nn.LayerNorm(width)
        )
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, batch: TokenBatch) -> Tensor:
        """Of each text, (rows, 2): the loss of its hidden words, and the share guessed right.

        Of an empty text, zeros.
        """
        shown, wanted = self.masking(batch)
        states = self.body(input_ids=shown, attention_mask=batch.mask).last_hidden_state
        rows, places = (wanted != NOTHING).nonzero(as_tuple=True)
        logits = self.transform(states[rows, places]) @ _embeddings(self.body).T + self.bias
        words = wanted[rows, places]
        loss = nn.functional.cross_entropy(logits, words, reduction="none")
        right = (logits.detach().argmax(-1) == words).to(loss.dtype)
        hidden = torch.bincount(rows, minlength=len(shown)).clamp(min=1).to(loss.dtype)
        sums = loss.new_zeros(len(shown), 2).index_add(0, rows, torch.stack([loss, right], 1))
        return sums / hidden[:, None]


def _embeddings(body: "PreTrainedModel") -> Tensor:
    """The vector of each token, (tokens, width)."""
    weight = body.get_input_embeddings().weight
    assert isinstance(weight, Tensor)
    return weight
