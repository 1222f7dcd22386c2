"""Networks that hold several members of an ensemble, trained together."""

import math
from abc import abstractmethod

from torch import Tensor, nn

from plait.models.base import Shape


class MemberNetwork(nn.Module):
    """Each member learns by its own loss, and their mean is what is predicted.

    In training it gives the outputs of all members, those of a row after each other: (rows *
    members,) or (rows * members, classes). Else it gives outputs by which the mean of the members'
    predictions is predicted: (rows,) or (rows, classes).

    :param members: how many there are.
    """

    def __init__(self, shape: Shape, members: int) -> None:
        super().__init__()
        self.shape, self.members = shape, members

    @abstractmethod
    def each(self, features: Tensor) -> Tensor:
        """(rows, inputs) to (rows, members, outputs)."""

    def forward(self, features: Tensor) -> Tensor:
        """The outputs."""
        outputs = self.each(features)
        if self.training:
            outputs = outputs.flatten(0, 1)
        elif not self.shape.task.scalar:
            # The logarithms of probabilities are logits too.
            outputs = outputs.log_softmax(-1).logsumexp(1) - math.log(self.members)
        elif self.shape.link == "log":
            outputs = outputs.logsumexp(1) - math.log(self.members)
        else:
            outputs = outputs.mean(1)
        return outputs.squeeze(-1) if self.shape.task.scalar else outputs
