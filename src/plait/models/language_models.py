"""Trained language models: predictions, and what was trained on disk as safetensors."""

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from plait.config.registry import module_of, settings_of
from plait.data.tokens import Tokens
from plait.errors import UserError
from plait.finetuning.base import FinetuningSettings
from plait.finetuning.finetuned import Finetuned
from plait.json_types import Json, Values
from plait.models import pretrained
from plait.models.base import Inputs, Shape
from plait.models.family import ChoiceSettings, GradientFamily, ModelFamily
from plait.models.language_model import LanguageModel, TokenBatch
from plait.models.pretrained import PARTS, Pretrained, TextEncoder
from plait.models.trained import BASE
from plait.models.weights import not_readable, read, write

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from plait.models.encoder import Settings

EVALUATION_ROWS = 64
"""Of the validation part at once."""

TOKENS_AT_ONCE = 8192
"""In a batch that is predicted, padding included; fixed, so that no setting changes a rounding."""


def longest(body: "PreTrainedModel") -> int | None:
    """The tokens that a transformer takes; None if it sets no limit."""
    from torch import nn

    positions: int | None = getattr(body.config, "max_position_embeddings", None)
    for name, module in body.named_modules():
        # RoBERTa and its kin count from behind the number that stands for padding.
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            padding = module.padding_idx
            return module.num_embeddings - (0 if padding is None else padding + 1)
    return positions


def check_length(
    section: str, max_length: int, name: str, limit: int | None, own_tokens: int = 0
) -> None:
    """Refuse texts that are longer than a transformer takes.

    :param section: of the configuration, in which ``max_length`` stands.
    :param limit: as of `longest`.
    :param own_tokens: that a method puts before the text.
    :raises UserError: if it takes fewer tokens.
    """
    if limit is not None and max_length + own_tokens > limit:
        taken = f", of which the fine-tuning method takes {own_tokens}" if own_tokens else ""
        raise UserError(
            f"{section}.max_length: is {max_length}; {name} takes at most {limit} tokens{taken}"
        )


def batches_by_length(tokens: Tokens, at_once: int = TOKENS_AT_ONCE) -> "list[np.ndarray]":
    """The rows in batches of like length, shortest first, each of at most ``at_once`` tokens."""
    import numpy as np

    lengths = tokens.lengths
    order = np.argsort(lengths, kind="stable")
    batches, start = [], 0
    for end in range(1, len(order) + 1):
        following = lengths[order[end]] if end < len(order) else 0
        if end == len(order) or (end - start + 1) * following > at_once:
            batches.append(order[start:end])
            start = end
    return batches


def padded(tokens: Tokens, rows: "np.ndarray | Tensor") -> TokenBatch:
    """The rows of the given numbers, padded to the longest."""
    import numpy as np
    import torch

    numbers = np.asarray(rows)
    starts, lengths = tokens.starts[numbers], tokens.lengths[numbers]
    width = int(lengths.max()) if len(numbers) else 1
    places = np.arange(width)
    mask = places < lengths[:, None]
    ids = np.zeros(mask.shape, dtype=np.int64)
    ids[mask] = tokens.ids[(starts[:, None] + places)[mask]]
    return TokenBatch(torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64)))


def _saves_body(finetuning: Mapping[str, Json]) -> bool:
    return settings_of("finetuning", str(finetuning["choice"]), FinetuningSettings).saves_body


def _keep_base(source: Path, folder: Path, weights: bool) -> None:
    (folder / BASE).mkdir()
    files = pretrained.weights_in(source) if weights else []
    for name in (*PARTS, *files):
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / BASE / name)


def _base(settings: "Settings") -> Pretrained:
    return pretrained.find(settings.origin, settings.name, settings.revision, settings.digest)


Network = TypeVar("Network", bound="nn.Module")


class Transformers(GradientFamily[ChoiceSettings, Network, Tokens]):
    """Networks of tokens."""

    def pack(self, features: Tokens) -> "dict[str, np.ndarray]":
        """As arrays by name."""
        return {"ids": features.ids, "starts": features.starts}

    def unpack(self, arrays: "dict[str, np.ndarray]") -> Tokens:
        """The inverse of `pack`."""
        return Tokens(arrays["ids"], arrays["starts"])

    def inputs_of(self, features: Tokens, dtype: "torch.dtype") -> Inputs:
        """As batches take them."""
        return Inputs(partial(padded, features), features.lengths, EVALUATION_ROWS)

    def checkpoint_gradients(self, network: Network) -> None:
        """Let it keep each layer's input alone, and compute the rest again for the gradients.

        Chen et al. (2016), Training deep nets with sublinear memory cost.

        :raises UserError: if transformers can't do so with this model.
        """
        from transformers import PreTrainedModel

        (body,) = [m for m in network.modules() if isinstance(m, PreTrainedModel)]
        if not body.supports_gradient_checkpointing:
            raise UserError(
                f"trainer.gradient_checkpointing: {type(body).__name__} has none; set it to false"
            )
        body.activation_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]


class LanguageModels(
    Transformers["Settings", LanguageModel], ModelFamily["Settings", LanguageModel, Tokens]
):
    """Transformers with a head for the task."""

    def packages(self, choice: str) -> tuple[str, ...]:
        """What a logged model needs."""
        return ("torch", "transformers", "peft", "tokenizers", "safetensors")

    def complete(
        self, settings: "Settings", finetuning: Mapping[str, Json] | None, folder: Path
    ) -> None:
        """Put the pretrained model beside the weights that were trained."""
        assert finetuning is not None, "composing chooses a method for every language model"
        if not (folder / BASE).is_dir():
            _keep_base(_base(settings).folder, folder, weights=not _saves_body(finetuning))

    def build(
        self,
        choice: str,
        settings: "Settings",
        shape: Shape,
        finetuning: Values | None = None,
        *,
        base: Path | None = None,
        weights: bool = True,
    ) -> LanguageModel:
        """The pretrained transformer with a method applied and a new head.

        :param choice: under ``conf/model/``.
        :param finetuning: the choice of a method and its settings.
        :param base: where it lies, if not where the settings say; it is then kept with what is
            saved.
        :param weights: read the pretrained ones.
        :raises UserError: if the model or the method does not fit.
        """
        assert finetuning is not None, "composing chooses a method for every language model"
        source = _base(settings) if base is None else Pretrained(base)
        body = source.body(weights, settings.backbone_dropout)
        limit = longest(body)
        method = str(finetuning["choice"])
        values = {key: value for key, value in finetuning.items() if key != "choice"}
        try:
            finetuned: Finetuned = module_of("finetuning", method).apply(
                settings_of("finetuning", method)(**values), body
            )
        except ValueError as error:
            raise UserError(f"model {settings.name}: {error}") from error
        check_length("model", settings.max_length, settings.name, limit, finetuned.own_tokens)
        network = LanguageModel(
            finetuned,
            body.config.hidden_size,
            shape,
            TextEncoder(source, settings.max_length),
            pooling=settings.pooling,
            head_lr_multiplier=settings.head_lr_multiplier,
            dropout=settings.head_dropout,
        )
        network.base = base
        return network

    def take(self, network: LanguageModel, weights: "dict[str, Tensor]") -> None:
        """Put trained weights in their places.

        :raises UserError: if they are not exactly those that this network trains.
        """
        differing = sorted(network.trained_names() ^ weights.keys())
        if differing:
            raise not_readable(
                ValueError(f"another model's: {differing[0]}, {len(differing)} in all")
            )
        try:
            network.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            raise not_readable(error) from error

    def encode(self, settings: "Settings", features: "np.ndarray") -> Tokens:
        """Texts, object (rows,), to tokens."""
        return TextEncoder(_base(settings), settings.max_length)(features)

    def predict(self, network: LanguageModel, features: "np.ndarray", shape: Shape) -> "np.ndarray":
        """Texts, object (rows,), to (rows,) or to class probabilities (rows, outputs), float64."""
        import numpy as np
        import torch

        # Whoever serves a model does not want to find its users' texts kept.
        tokens = network.encode(features, keep=False)
        rows_and_outputs = (len(tokens), shape.outputs)
        results = np.zeros(rows_and_outputs[:1] if shape.task.scalar else rows_and_outputs)
        with torch.inference_mode():
            for rows in batches_by_length(tokens):
                outputs = network(padded(tokens, rows)).to(torch.float64)
                results[rows] = shape.activate(outputs).numpy()
        return results

    def save(self, network: LanguageModel, folder: Path) -> Values:
        """Write what was trained.

        :returns: what `load` needs beside it.
        """
        trained = network.trained_names()
        values = {name: value for name, value in network.state_dict().items() if name in trained}
        write(values, folder)
        # Further members of an ensemble find it beside the first.
        if network.base is not None and not (folder.parent / BASE).is_dir():
            whole = all(value.requires_grad for value in network.finetuned.parameters())
            _keep_base(network.base, folder, weights=not whole)
        return {
            "dtype": str(network.head.weight.dtype).removeprefix("torch."),
            "trained_parameters": sum(value.numel() for value in values.values()),
            "parameters": sum(value.numel() for value in network.parameters()),
        }

    def load(
        self, folder: Path, choice: str, settings: "Settings", shape: Shape, extra: Values
    ) -> LanguageModel:
        """Build the network, from the pretrained weights or those in the folder, and read the rest.

        :raises UserError: if a file is damaged or missing, or the weights are another network's.
        """
        import torch

        finetuning = extra["finetuning"]
        assert isinstance(finetuning, dict), "`TrainedModel.save` writes the method"
        whole = _saves_body(finetuning)
        # Members of an ensemble share the one beside the first.
        beside = [place / BASE for place in (folder, folder.parent) if (place / BASE).is_dir()]
        base = beside[0] if beside else None
        network = self.build(choice, settings, shape, finetuning, base=base, weights=not whole)
        network.to(getattr(torch, str(extra["dtype"])))
        self.take(network, read(folder))
        return network.eval()


FAMILY = LanguageModels()
