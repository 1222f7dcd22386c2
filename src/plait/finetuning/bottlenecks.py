"""Bottlenecks inside the layers of a transformer."""

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from plait.finetuning.finetuned import Finetuned, layers_of, linear_layers

if TYPE_CHECKING:
    from transformers import PreTrainedModel

INITIAL_STD = 1e-3
"""The standard deviation of the bottlenecks' initial weights."""


class Bottleneck(nn.Module):
    """A linear layer of the body, followed by a bottleneck with a way around it.

    :param layer: whose outputs go through it; kept as it is.
    """

    def __init__(self, layer: Any, width: int) -> None:
        super().__init__()
        self.layer = layer
        outputs = layer.out_features if isinstance(layer, nn.Linear) else layer.nf
        self.down = nn.Linear(outputs, width)
        self.up = nn.Linear(width, outputs)
        for linear in (self.down, self.up):
            nn.init.trunc_normal_(linear.weight, std=INITIAL_STD)
            nn.init.zeros_(linear.bias)
        self.to(layer.weight.dtype)

    def forward(self, inputs: Tensor) -> Tensor:
        """(…, layer inputs) to (…, layer outputs)."""
        outputs = self.layer(inputs)
        changed: Tensor = outputs + self.up(nn.functional.gelu(self.down(outputs)))
        return changed


def with_bottlenecks(body: "PreTrainedModel", width: int, layer_norms: bool) -> Finetuned:
    """Put a bottleneck behind the last linear layer of both parts of every layer.

    :raises ValueError: for an architecture whose layers have no such two parts.
    """
    for layer in layers_of(body):
        for name in _ends(layer):
            parent, _, attribute = name.rpartition(".")
            old: Any = layer.get_submodule(name)
            setattr(layer.get_submodule(parent), attribute, Bottleneck(old, width))
        if layer_norms:
            for module in layer.modules():
                if "Norm" in type(module).__name__:
                    module.requires_grad_(True)
    return Finetuned(body)


_ENDS = (
    *(("attention.output.dense", "output.dense"), ("attention.out_lin", "ffn.lin2")),
    *(("self_attn.o_proj", "mlp.down_proj"), ("attn.Wo", "mlp.Wo")),
    ("attn.c_proj", "mlp.c_proj"),
)
"""The two parts' last layers in BERT and RoBERTa, DistilBERT, Llama and its kin, ModernBERT,
GPT-2."""


def _ends(layer: nn.Module) -> tuple[str, str]:
    names = {name for name, _ in linear_layers(layer)}
    for pair in _ENDS:
        if names.issuperset(pair):
            return pair
    raise ValueError(
        f"finetuning: adapter knows no place for bottlenecks in {type(layer).__name__};"
        " lora, target_modules: all changes whatever is linear, and prefix needs no place"
    )
