"""Trained networks: predictions, and what they are given and kept as."""

from pathlib import Path
from typing import TYPE_CHECKING

from plait.config.registry import module_of
from plait.json_types import Values
from plait.models.base import Inputs, ModelSettings, Shape
from plait.models.family import GradientFamily, ModelFamily
from plait.models.weights import not_readable, read, write

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

EVALUATION_ROWS = 4096
"""Rows at once where nothing is learnt; fixed, so that no setting changes a rounding."""


class Networks(
    ModelFamily[ModelSettings, "nn.Module", "np.ndarray"],
    GradientFamily[ModelSettings, "nn.Module", "np.ndarray"],
):
    """Networks of numbers: float64, (rows, inputs)."""

    def packages(self, choice: str) -> tuple[str, ...]:
        """What a logged model needs."""
        return ("torch",)

    def build(
        self,
        choice: str,
        settings: ModelSettings,
        shape: Shape,
        finetuning: Values | None = None,
        *,
        base: Path | None = None,
    ) -> "nn.Module":
        """A network with new weights; nothing of it can be fine-tuned."""
        network: nn.Module = module_of("model", choice).build(settings, shape)
        return network

    def take(self, network: "nn.Module", weights: "dict[str, Tensor]") -> None:
        """Put weights in their places.

        :raises UserError: if they are another network's.
        """
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise not_readable(error) from error

    def encode(self, settings: ModelSettings, features: "np.ndarray") -> "np.ndarray":
        """What a network is given, from what preprocessing gives: the same."""
        return features

    def pack(self, features: "np.ndarray") -> "dict[str, np.ndarray]":
        """As arrays by name."""
        return {"features": features}

    def unpack(self, arrays: "dict[str, np.ndarray]") -> "np.ndarray":
        """The inverse of `pack`."""
        return arrays["features"]

    def inputs_of(self, features: "np.ndarray", dtype: "torch.dtype") -> Inputs:
        """As batches take them."""
        import torch

        return Inputs(torch.from_numpy(features).to(dtype).__getitem__, None, EVALUATION_ROWS)

    def predict(self, network: "nn.Module", features: "np.ndarray", shape: Shape) -> "np.ndarray":
        """float64 (rows, inputs) to (rows,) or to class probabilities (rows, outputs)."""
        import torch

        dtype = next(network.parameters()).dtype
        with torch.inference_mode():
            outputs = network(torch.from_numpy(features).to(dtype)).to(torch.float64)
        array: np.ndarray = shape.activate(outputs).numpy()
        return array

    def linear_terms(self, network: "nn.Module") -> "tuple[np.ndarray, float]":
        """Weights (inputs,) and bias of the one layer of a linear regression."""
        arrays = {
            key.rpartition(".")[2]: value.double().numpy()
            for key, value in network.state_dict().items()
        }
        bias = arrays.get("bias")
        return arrays["weight"].ravel(), 0.0 if bias is None else float(bias[0])

    def save(self, network: "nn.Module", folder: Path) -> Values:
        """Write the weights.

        :returns: what `load` needs beside them.
        """
        write(network.state_dict(), folder)
        return {"dtype": str(next(network.parameters()).dtype).removeprefix("torch.")}

    def load(
        self,
        folder: Path,
        choice: str,
        settings: ModelSettings,
        shape: Shape,
        extra: Values,
    ) -> "nn.Module":
        """Build the network and read its weights.

        :raises UserError: if the file is damaged or missing, or holds another network's weights.
        """
        import torch

        network = self.build(choice, settings, shape)
        network.to(getattr(torch, str(extra["dtype"])))
        self.take(network, read(folder))
        return network.eval()


FAMILY = Networks()
