"""Transformers that are trained on: what the loop of training takes of them, and what is kept."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from plait.errors import UserError
from plait.json_types import Values
from plait.models.base import Shape
from plait.models.language_models import Transformers, check_length, longest
from plait.models.masked_language_model import MaskedLanguageModel, Masking
from plait.models.pretrained import PARTS, Pretrained, find

if TYPE_CHECKING:
    from torch import Tensor

    from plait.models.masked_lm import Settings

HIDING = ("[MASK]", "<mask>")
"""What tokenizers call the token that stands for a hidden one."""


def tokens_of(source: Pretrained) -> tuple[int, tuple[int, ...]]:
    """The token that hides another, and those that stand in every text.

    :raises UserError: if it has none.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(source.folder / "tokenizer.json"))
    found = [tokenizer.token_to_id(token) for token in HIDING]
    hidden = [number for number in found if number is not None]
    if not hidden:
        raise UserError(
            f"pretraining: {source.folder.name} has no token that hides a word ({HIDING[0]});"
            " hidden words are what encoders such as BERT learn from"
        )
    return hidden[0], tuple(tokenizer.encode("").ids)


def keep(network: MaskedLanguageModel, source: Pretrained, folder: Path) -> None:
    """Write the transformer without its head, as `Pretrained` reads it; equal ones, equal bytes."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        if (source.folder / name).is_file():
            shutil.copyfile(source.folder / name, folder / name)
    state = {key: value.contiguous() for key, value in network.body.state_dict().items()}
    save_file(state, folder / "model.safetensors", {"format": "pt"})


class MaskedLanguageModels(Transformers["Settings", MaskedLanguageModel]):
    """Transformers that guess hidden tokens."""

    def build(
        self,
        choice: str,
        settings: "Settings",
        shape: Shape,
        finetuning: Values | None = None,
        *,
        base: Path | None = None,
    ) -> MaskedLanguageModel:
        """The transformer as it was pretrained, with a new head over its words.

        :raises UserError: if it has no token that hides another, or takes no texts so long.
        """
        source = find(settings.origin, settings.name, settings.revision, settings.digest)
        body = source.body(dropout=settings.backbone_dropout)
        check_length("pretraining", settings.max_length, settings.name, longest(body))
        hidden, special = tokens_of(source)
        return MaskedLanguageModel(
            body, Masking(settings.mlm_probability, hidden, special, body.config.vocab_size)
        )

    def take(self, network: MaskedLanguageModel, weights: "dict[str, Tensor]") -> None:
        """Put trained weights into a network that was just built."""
        network.load_state_dict(weights)


FAMILY = MaskedLanguageModels()
