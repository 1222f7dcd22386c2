"""Which linear layers of a transformer a method changes, whatever the architecture calls them."""

from typing import TYPE_CHECKING

from plait.finetuning.base import Targets
from plait.finetuning.finetuned import layers_of, linear_layers

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_PARTS: dict[str, tuple[str, ...]] = {
    "query_value": ("query", "value", "q_proj", "v_proj", "q_lin", "v_lin", "q", "v"),
    "attention": (
        *("query", "key", "value", "q_proj", "k_proj", "v_proj", "o_proj", "out_proj"),
        *("q_lin", "k_lin", "v_lin", "out_lin", "q", "k", "v", "o", "qkv_proj", "Wqkv", "Wo"),
        *("c_attn", "attn.c_proj", "query_key_value", "attention.output.dense"),
    ),
}
"""The names of such layers in today's architectures."""

_JOINT = ("c_attn", "query_key_value", "qkv_proj", "Wqkv")
"""Query, key and value in one matrix."""


def names_of(targets: Targets, body: "PreTrainedModel") -> list[str]:
    """The full names of the layers in the body, sorted.

    :raises ValueError: if the architecture has none that is known.
    """
    layers = set(layers_of(body))
    linear = [
        f"{prefix}.{name}"
        for prefix, layer in body.named_modules()
        if layer in layers
        for name, _ in linear_layers(layer)
    ]
    wanted = () if targets == "all" else (*_PARTS[targets], *_JOINT)
    found = [
        name
        for name in linear
        if targets == "all" or any(name.endswith(f".{part}") for part in wanted)
    ]
    if not found:
        raise ValueError(
            f"finetuning.target_modules: no layer of {type(body).__name__} is known as {targets}; "
            + (
                "try target_modules: all"
                if linear
                else "it has no linear ones: full, linear_probe, prefix and prompt do without"
            )
        )
    return sorted(found)
