"""A network's weights on disk, as safetensors: equal ones give equal bytes."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from plait.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS = "weights.safetensors"


def write(weights: "Mapping[str, Tensor]", folder: Path) -> None:
    """Write them to a folder."""
    import torch
    from safetensors.torch import save_file

    # Copies, because safetensors refuses tensors that share memory, as tied weights do.
    copies = {
        key: value.clone(memory_format=torch.contiguous_format) for key, value in weights.items()
    }
    save_file(copies, folder / WEIGHTS)


def read(folder: Path) -> "dict[str, Tensor]":
    """Read what `write` wrote.

    :raises UserError: if the file is damaged or missing.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(folder / WEIGHTS)
    except (SafetensorError, FileNotFoundError) as error:
        raise not_readable(error) from error


def not_readable(error: Exception) -> UserError:
    """What to say of weights that cannot be read, or are another network's."""
    return UserError(f"{WEIGHTS} cannot be read ({error}); `dvc repro` rebuilds it")
