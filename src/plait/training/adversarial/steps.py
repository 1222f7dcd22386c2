"""Shifts of rows along gradients."""

import torch
from torch import Tensor


def direction(loss: Tensor, shift: Tensor, keep: bool) -> Tensor:
    """Each row's gradient of the loss, of length 1; zero where it is zero.

    :param keep: whether the loss is differentiated again later.
    """
    (gradient,) = torch.autograd.grad(loss, shift, retain_graph=keep)
    return scaled(gradient, 1.0)


def scaled(rows: Tensor, size: float) -> Tensor:
    """Rows of any shape, (rows, …), brought to a Euclidean norm of ``size``."""
    norms = _norms(rows)
    least = torch.finfo(rows.dtype).tiny
    longer: Tensor = rows * torch.where(norms > 0, size / norms.clamp(min=least), 0.0)
    return longer


def within(rows: Tensor, size: float) -> Tensor:
    """Rows of any shape, shortened to a Euclidean norm of at most ``size``."""
    norms = _norms(rows)
    return torch.where(norms > size, scaled(rows, size), rows)


def _norms(rows: Tensor) -> Tensor:
    norms: Tensor = rows.flatten(1).norm(dim=1).view(-1, *[1] * (rows.dim() - 1))
    return norms
