"""The one LightningModule: any network, objective, optimiser and schedule."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from plait.objectives.kinds import Batch, Objective


class RunningMeans:
    """Means over all rows of an epoch, without a synchronisation a step."""

    def __init__(self) -> None:
        self.rows = 0
        self.sums: dict[str, Tensor] = {}

    def add(self, rows: int, values: dict[str, Tensor]) -> None:
        """Take the means over ``rows`` rows."""
        self.rows += rows
        for name, value in values.items():
            # Sums in half precision would stop growing.
            value = value.detach().to(torch.promote_types(value.dtype, torch.float32)) * rows
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    def close(self, prefix: str, reduce: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """The means over all processes by ``prefix/name``; starts anew.

        :param reduce: sums a tensor over the processes.
        """
        if not self.sums:
            return {}
        device = next(iter(self.sums.values())).device
        rows = float(reduce(torch.tensor(float(self.rows), device=device)))
        means = {
            f"{prefix}/{name}": float(reduce(value)) / rows for name, value in self.sums.items()
        }
        self.rows, self.sums = 0, {}
        return means


class SupervisedModule(LightningModule):
    """Trains ``network`` on batches of features and targets.

    :param accumulate: micro-batches to an optimiser step.
    :param batch_rows: rows of a global batch by its index in the epoch, to weight uneven ones.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        schedule: Callable[[Optimizer, int], LRScheduler],
        *,
        accumulate: int,
        batch_rows: Callable[[int], int],
    ) -> None:
        super().__init__()
        self.network = network
        self.accumulate, self.batch_rows = accumulate, batch_rows
        self._objective, self._optimizer, self._schedule = objective, optimizer, schedule
        self._train, self._val = RunningMeans(), RunningMeans()

    def forward(self, features: Tensor) -> Tensor:
        """The network's outputs."""
        outputs: Tensor = self.network(features)
        return outputs

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """The micro-batch's share of the mean loss over its global batch."""
        loss, values = self._objective(self.network, batch)
        rows = len(batch.rows)
        self._train.add(rows, {"loss": loss, **values})
        if self.accumulate == 1:
            return loss
        # Lightning divides by the number of micro-batches; rows are what must count.
        return loss * (self.accumulate * rows / self.batch_rows(index // self.accumulate))

    def validation_step(self, batch: Batch, index: int) -> None:
        """Add the batch to the epoch's means."""
        loss, values = self._objective(self.network, batch)
        self._val.add(len(batch.rows), {"loss": loss, **values})

    def on_validation_epoch_end(self) -> None:
        """Log the validation part's means."""
        self._log(self._val.close("val", self._sum))

    def log_means(self) -> None:
        """Log the epoch's means over the training part, and the learning rate."""
        values = self._train.close("train", self._sum)
        values["train/lr"] = self.trainer.optimizers[0].param_groups[0]["lr"]
        self._log(values)

    def configure_optimizers(self) -> Any:
        """The optimiser, with the schedule stepping at every optimiser step."""
        optimizer = self._optimizer(self.network.parameters())
        schedule = self._schedule(optimizer, int(self.trainer.estimated_stepping_batches))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _log(self, values: dict[str, float]) -> None:
        # As doubles: `self.log` would round them to float32.
        tensors = {key: torch.tensor(value, dtype=torch.float64) for key, value in values.items()}
        self.trainer.callback_metrics.update(tensors)

    def _sum(self, value: Tensor) -> Tensor:
        reduced: Tensor = self.trainer.strategy.reduce(value, reduce_op="sum")
        return reduced
