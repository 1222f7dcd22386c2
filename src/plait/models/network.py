"""Stacks of dense layers."""

from collections.abc import Callable

from torch import Tensor, nn

from plait.models.base import Shape


class SqueezeOutput(nn.Module):
    """(rows, 1) to (rows,), so that a prediction has the shape of its target.

    Without it the difference of the two broadcasts to (rows, rows), and the loss is wrong silently.
    """

    def forward(self, outputs: Tensor) -> Tensor:
        """Drop the last axis, of size one."""
        return outputs.squeeze(-1)


def dense(
    shape: Shape,
    hidden: list[int],
    *,
    bias: bool = True,
    between: Callable[[int], list[nn.Module]] = lambda width: [],
) -> nn.Sequential:
    """Linear layers of the widths ``hidden`` and an output layer.

    :param between: what follows a hidden layer of a given width, such as an activation.
    """
    layers: list[nn.Module] = []
    width = shape.inputs
    for following in hidden:
        layers += [nn.Linear(width, following, bias=bias), *between(following)]
        width = following
    layers.append(nn.Linear(width, shape.outputs, bias=bias))
    if shape.task.scalar:
        layers.append(SqueezeOutput())
    return nn.Sequential(*layers)
