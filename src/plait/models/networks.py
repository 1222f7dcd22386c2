"""Trained networks: predictions, and weights on disk as safetensors."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.config.pairs import module_of
from plait.errors import UserError
from plait.models.kinds import Shape

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

WEIGHTS = "weights.safetensors"


def predict(network: "nn.Module", features: "np.ndarray", shape: Shape) -> "np.ndarray":
    """float64 (rows, inputs) to (rows,) or to class probabilities (rows, outputs)."""
    import torch

    dtype = next(network.parameters()).dtype
    with torch.inference_mode():
        outputs = network(torch.from_numpy(features).to(dtype)).to(torch.float64)
    if shape.task == "classification":
        outputs = outputs.softmax(-1)
    array: np.ndarray = outputs.numpy()
    return array


def linear_terms(network: "nn.Module") -> "tuple[np.ndarray, float]":
    """Weights (inputs,) and bias of the one layer of a linear regression."""
    arrays = {
        key.rpartition(".")[2]: value.double().numpy()
        for key, value in network.state_dict().items()
    }
    bias = arrays.get("bias")
    return arrays["weight"].ravel(), 0.0 if bias is None else float(bias[0])


def save(network: "nn.Module", folder: Path) -> dict[str, Any]:
    """Write the weights.

    :returns: what `load` needs beside them.
    """
    import torch
    from safetensors.torch import save_file

    # Copies, because safetensors refuses tensors that share memory, as tied weights do.
    tensors = {
        key: value.clone(memory_format=torch.contiguous_format)
        for key, value in network.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS)
    return {"dtype": str(next(network.parameters()).dtype).removeprefix("torch.")}


def load(
    folder: Path, choice: str, settings: Any, shape: Shape, extra: dict[str, Any]
) -> "nn.Module":
    """Build the network and read its weights.

    :raises UserError: if the file is damaged or missing, or holds another network's weights.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network: nn.Module = module_of("model", choice).build(settings, shape)
    network.to(getattr(torch, extra["dtype"]))
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, FileNotFoundError, RuntimeError) as error:
        raise UserError(f"{WEIGHTS} cannot be read ({error}); `dvc repro` rebuilds it") from error
    return network.eval()
