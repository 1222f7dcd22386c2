"""Which linear layers of a transformer a method changes, whatever the architecture calls them."""

from typing import TYPE_CHECKING

from plait.finetuning.finetuned import layers_of, linear_layers
from plait.finetuning.kinds import Targets

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
    stack = layers_of(body)
    prefix = next(name for name, module in body.named_modules() if module is stack)
    found = []
    for name, _ in linear_layers(stack):
        wanted = (*_PARTS["attention"], *_JOINT) if targets == "attention" else ()
        wanted = (*_PARTS["query_value"], *_JOINT) if targets == "query_value" else wanted
        if targets == "all" or any(f".{name}".endswith(f".{part}") for part in wanted):
            found.append(f"{prefix}.{name}")
    if not found:
        raise ValueError(
            f"finetuning.targets: no layer of {type(body).__name__} is known as {targets}; "
            + (
                "try targets: all"
                if any(linear_layers(stack))
                else "it has no linear ones: full, linear_probe, prefix and prompt do without"
            )
        )
    return sorted(found)
