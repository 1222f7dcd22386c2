"""Which layer's outputs adversarial training shifts, and how."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from plait.models.tuned import TrainableModule
from plait.objectives.base import AnyBatch


def perturbed_layer(network: nn.Module) -> nn.Module | None:
    """Of a language model the layer that gives each token its vector; None where the features of a
    table are shifted themselves.
    """
    return network.embeddings if isinstance(network, TrainableModule) else None


def zero_perturbation(network: nn.Module, batch: AnyBatch) -> Tensor:
    """Zeros of the shape of what is shifted: (rows, tokens, width), or (rows, inputs)."""
    layer = perturbed_layer(network)
    if layer is None:
        return torch.zeros_like(batch.features)
    weight, tokens = layer.weight, batch.features.ids
    assert isinstance(weight, Tensor)
    # Not `weight.new_zeros`: of a sharded weight it would give sharded zeros.
    shape = (*tokens.shape, weight.shape[1])
    return torch.zeros(shape, dtype=weight.dtype, device=tokens.device)


@contextmanager
def perturbed(network: nn.Module, batch: AnyBatch, shift: Tensor) -> Iterator[AnyBatch]:
    """The batch to give to the network, which sees it shifted within the block."""
    layer = perturbed_layer(network)
    if layer is None:
        yield batch._replace(features=batch.features + shift)
        return
    hook = layer.register_forward_hook(lambda layer, inputs, outputs: outputs + shift)
    try:
        yield batch
    finally:
        hook.remove()
