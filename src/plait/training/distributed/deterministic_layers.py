"""Layers that give the same numbers however many processes share a batch.

They stand in for torch's own while a network is trained; names of weights and what is saved stay.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from plait.models.counter_rng import CounterRNG, CounterRNGLayer, mixed, spared, splitmix64_int
from plait.training.distributed.collectives import world


class RowDropout(nn.Module):
    """Dropout whose mask depends on seed, step, layer, row and place alone.

    So a row meets the same mask in whichever process or micro-batch it is, and after any resume.
    Inputs whose first axis is not the batch's rows get a mask by their place along it.

    :param share: of the values that are dropped; the others are scaled by 1 / (1 - share).
    :param number: of this layer in the network.
    """

    def __init__(self, share: float, number: int, draws: CounterRNG) -> None:
        super().__init__()
        self.share, self.number, self._draws = share, number, draws
        # As torch's own layer calls it, whose p others read.
        self.p = share
        self._places = torch.empty(0, dtype=torch.int64)

    def forward(self, inputs: Tensor) -> Tensor:
        """Values of any shape, rows first."""
        if not self.training or self.share == 0:
            return inputs
        kept = self._kept(inputs)
        return inputs * kept / (1 - self.share) if self.share < 1 else inputs * 0

    def _kept(self, inputs: Tensor) -> Tensor:
        """Which values are not dropped, bool, of the inputs' shape."""
        rows = self._draws.rows
        if len(rows) != len(inputs):
            rows = torch.arange(len(inputs), device=inputs.device)
        key = 0
        for part in (self._draws.seed, self._draws.step, self.number):
            key = splitmix64_int(key + part)
        kept = spared(mixed(rows + key), self._places_of(inputs), self.share)
        return kept.view(inputs.shape)

    def _places_of(self, inputs: Tensor) -> Tensor:
        """A random-looking number for each place in a row, (places,)."""
        size = inputs[0].numel() if len(inputs) else 0
        if len(self._places) != size or self._places.device != inputs.device:
            self._places = mixed(torch.arange(size, device=inputs.device))
        return self._places


class SyncBatchNorm(nn.Module):
    """Batch normalisation by the statistics of all processes' rows; a process may have none.

    torch's own `SyncBatchNorm` does so on GPUs alone.

    :param norm: whose weights and running statistics are used in place.
    """

    running_mean: Tensor | None
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) -> None:
        super().__init__()
        self.settings = (norm.eps, norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, channels, ...), normalised over all but the channels."""
        eps, momentum = self.settings
        if not self.training:
            return nn.functional.batch_norm(
                inputs, self.running_mean, self.running_var, self.weight, self.bias, eps=eps
            )
        axes = [axis for axis in range(inputs.dim()) if axis != 1]
        shape = [-1 if axis == 1 else 1 for axis in range(inputs.dim())]
        count = inputs.numel() // inputs.shape[1]
        local = torch.cat([inputs.sum(axes), inputs.new_tensor([float(count)])])
        total = all_reduce_sum(local)
        rows = float(total[-1].detach())
        if rows <= 1:
            raise ValueError("Expected more than 1 value per channel when training")
        mean = total[:-1] / rows
        centred = inputs - mean.view(shape)
        variance = all_reduce_sum((centred * centred).sum(axes)) / rows
        self._track(mean.detach(), variance.detach() * (rows / (rows - 1)), momentum)
        outputs = centred * torch.rsqrt(variance + eps).view(shape)
        if self.weight is not None:
            outputs = outputs * self.weight.view(shape) + self.bias.view(shape)
        return outputs

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, momentum: float | None) -> None:
        if self.running_mean is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if momentum is None else momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


class _AllSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor) -> Tensor:
        summed = values.clone()
        torch.distributed.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:
        return all_reduce_sum(gradients[0])


def all_reduce_sum(values: Tensor) -> Tensor:
    """The sum over all processes; gradients are summed likewise."""
    if world()[1] == 1:
        return values
    summed: Tensor = _AllSum.apply(values)  # type: ignore[no-untyped-call]
    return summed


def exact(network: nn.Module, draws: CounterRNG) -> nn.Module:
    """Put the layers of this file in the place of torch's own, in the network itself.

    Other layers that draw random numbers keep each process's own generator.
    """
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    dropouts = 0
    for name, layer in list(network.named_modules()):
        new: nn.Module
        if type(layer) is nn.Dropout:
            new = RowDropout(layer.p, dropouts, draws)
            dropouts += 1
        elif type(layer) in norms and world()[1] > 1:
            new = SyncBatchNorm(layer)
        elif isinstance(layer, CounterRNGLayer):
            layer.draws = draws
            continue
        else:
            continue
        if not name:
            return new
        parent, _, attribute = name.rpartition(".")
        setattr(network.get_submodule(parent), attribute, new)
    return network
