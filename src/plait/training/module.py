"""The one LightningModule: any network, objective, optimiser and schedule."""

from collections.abc import Callable, Iterator
from typing import Any, TypedDict

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.distributed.device_mesh import DeviceMesh
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import ParamsT

from plait.models.counter_rng import CounterRNG
from plait.models.tuned import TrainableModule
from plait.objectives.base import AnyBatch, Objective
from plait.training.adversarial.adversary import Adversary
from plait.training.distributed.collectives import gather
from plait.training.distributed.deterministic_layers import exact


class Share(TypedDict):
    """What one process adds to the means of an epoch, of what JSON holds."""

    rows: int
    sums: dict[str, list[str | float]]
    """Dtype and value by name."""


BuildOptimizer = Callable[[ParamsT], Optimizer]
"""From weights, or groups of them with values of their own, to the optimiser that changes them."""
BuildSchedule = Callable[[Optimizer, int], LRScheduler]
"""From an optimiser and the number of its steps to what changes its learning rate."""


class RunningMeans:
    """Means over all rows of an epoch, without a synchronisation a step."""

    def __init__(self) -> None:
        self.rows = 0
        self.sums: dict[str, Tensor] = {}

    def add(self, rows: int, values: dict[str, Tensor]) -> None:
        """Take the means over ``rows`` rows."""
        if not rows:
            return
        self.rows += rows
        for name, value in values.items():
            # Sums in half precision would stop growing.
            value = value.detach().to(torch.promote_types(value.dtype, torch.float32)) * rows
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    def close(self, prefix: str) -> dict[str, float]:
        """The means over all processes by ``prefix/name``; starts anew."""
        shares = gather(self.share())
        self.rows, self.sums = 0, {}
        rows = sum(share["rows"] for share in shares)
        sums: dict[str, float] = {}
        for share in shares:
            for name, value in share["sums"].items():
                sums[name] = sums.get(name, 0.0) + float(value[1])
        return {f"{prefix}/{name}": value / rows for name, value in sums.items()}

    def share(self) -> Share:
        """The rows and sums of this process."""
        return {
            "rows": self.rows,
            "sums": {
                name: [str(value.dtype).removeprefix("torch."), float(value)]
                for name, value in self.sums.items()
            },
        }

    def load_partial_state(self, shares: list[Share], device: torch.device) -> None:
        """Go on from such shares."""
        self.rows, self.sums = sum(share["rows"] for share in shares), {}
        for share in shares:
            for name, (dtype, number) in share["sums"].items():
                kind: torch.dtype = getattr(torch, str(dtype))
                value = torch.tensor(number, dtype=kind, device=device)
                self.sums[name] = self.sums[name] + value if name in self.sums else value


def shard(network: nn.Module, mesh: DeviceMesh) -> None:
    """Share the weights, gradients and optimiser state of a network out over a mesh of devices.

    Each part is gathered when it is used, and let go again: a layer of a language model, or what
    has weights of its own; what is left is gathered with the network as a whole.
    """
    from torch.distributed.fsdp import fully_shard

    parts = network.blocks() if isinstance(network, TrainableModule) else list(_parts(network))
    for part in parts:
        fully_shard(part, mesh=mesh)
    fully_shard(network, mesh=mesh)


def _parts(network: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules with weights of their own, which are used while these compute."""
    users: dict[nn.Parameter, set[nn.Module]] = {}
    for module in network.modules():
        for weight in module.parameters(recurse=False):
            users.setdefault(weight, set()).add(module)

    def below(module: nn.Module) -> Iterator[nn.Module]:
        for child in module.children():
            if not any(True for _ in child.parameters(recurse=False)):
                yield from below(child)
            # Others read what they hold, or what is theirs too.
            elif not isinstance(child, nn.ParameterList | nn.ParameterDict) and all(
                users[weight].issubset(child.modules()) for weight in child.parameters()
            ):
                yield child

    return below(network)


def _groups(network: TrainableModule) -> list[dict[str, list[nn.Parameter] | float]]:
    """The parameters that are trained, grouped by the factor of their learning rate, the full rate
    first.

    Biases and the weights of norms are not decayed, as Devlin et al. (2019) have it.
    """
    rates = network.rates()
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {(1.0, True): []}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            groups.setdefault((rates.get(name, 1.0), weight.dim() > 1), []).append(weight)
    return [
        {"params": weights, "rate": rate, **({} if decayed else {"weight_decay": 0.0})}
        for (rate, decayed), weights in groups.items()
        if weights
    ]


class SupervisedModule(LightningModule):
    """Trains ``network`` on batches of features and targets.

    :param accumulate: micro-batches to an optimiser step.
    :param batch_rows: rows of a global batch by its index in the epoch, to weight uneven ones.
    :param draws: what the network's layers draw by.
    :param adversary: shifts inputs to hurt, and trains on them too.
    :param objective_name: under which its loss is logged where the network adds to it.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        optimizer: BuildOptimizer,
        schedule: BuildSchedule,
        *,
        accumulate: int,
        batch_rows: Callable[[int], int],
        draws: CounterRNG,
        objective_name: str,
        adversary: Adversary | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        # What is not trained is not in a checkpoint.
        self.strict_loading = self._tuned is None
        self.accumulate, self.batch_rows = accumulate, batch_rows
        self._draws = draws
        self._objective_name = objective_name
        self._adversary = adversary
        self._configured = False
        self._objective, self._optimizer, self._schedule = objective, optimizer, schedule
        self._train, self._val = RunningMeans(), RunningMeans()

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes each hook that it calls, dozens a step; torch would look for it among the
        # parameters, buffers and modules first.
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def configure_model(self) -> None:
        """Make the network exact on any number of processes, once they are there; and shard it."""
        if self._configured:
            return
        self._configured = True
        self.network = exact(self.network, self._draws)
        # Lightning gives a module a mesh of devices where its weights are to be sharded.
        if (mesh := self.device_mesh) is not None:
            shard(self.network, mesh["data_parallel"])

    def forward(self, features: Tensor) -> Tensor:
        """The network's outputs."""
        outputs: Tensor = self.network(features)
        return outputs

    def training_step(self, batch: AnyBatch, index: int) -> Tensor:
        """The micro-batch's share of the mean loss over its global batch."""
        self._draws.step, self._draws.rows = self.trainer.global_step, batch.rows
        rows = len(batch.rows)
        if not rows:
            # The other processes have rows, and wait for this one's gradient: zeros.
            outputs: Tensor = self.network(batch.features)
            return outputs.sum() * 0.0
        if self._adversary is None:
            loss, values = self._objective(self.network, batch)
        else:
            loss, values = self._adversary(self._objective, self.network, batch)
        penalties = self._tuned.penalties() if self._tuned is not None else {}
        if penalties:
            values = {self._objective_name: loss, **values, **penalties}
            loss = loss + sum(penalties.values())
        self._train.add(rows, {"loss": loss, **values})
        processes = self.trainer.world_size
        if self.accumulate * processes == 1:
            return loss
        # Lightning divides by the number of micro-batches, and takes the mean over processes; rows
        # are what must count.
        share = rows / self.batch_rows(index // self.accumulate)
        return loss * (self.accumulate * processes * share)

    def validation_step(self, batch: AnyBatch, index: int) -> None:
        """Add the batch to the epoch's means."""
        if not len(batch.rows):
            self.network(batch.features)
            return
        loss, values = self._objective(self.network, batch)
        self._val.add(len(batch.rows), {"loss": loss, **values})

    def on_validation_epoch_end(self) -> None:
        """Log the validation part's means."""
        self._log(self._val.close("val"))

    def log_means(self) -> None:
        """Log the epoch's means over the training part, and the learning rate."""
        values = self._train.close("train")
        values["train/lr"] = self.trainer.optimizers[0].param_groups[0]["lr"]
        self._log(values)

    @property
    def means(self) -> Share:
        """The process's share of the epoch's means so far."""
        return self._train.share()

    def load_partial_state(self, shares: list[Share], rank: int) -> None:
        """Go on from the shares of all processes, by whatever number of them."""
        if len(shares) == self.trainer.world_size:
            shares = shares[rank : rank + 1]
        elif rank:
            shares = []
        self._train.load_partial_state(shares, self.device)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimiser, with the schedule stepping at every optimiser step."""
        steps = int(self.trainer.estimated_stepping_batches)
        if self._tuned is None:
            optimizer = self._optimizer(self.network.parameters())
        else:
            self._tuned.begin(steps)
            optimizer = self._optimizer(_groups(self._tuned))
            for group in optimizer.param_groups:
                group["lr"] *= group["rate"]
        schedule = self._schedule(optimizer, steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def optimizer_step(
        self,
        epoch: int,
        index: int,
        optimizer: Optimizer | LightningOptimizer,
        closure: Callable[[], Tensor | None] | None = None,
    ) -> None:
        """A step, and what the network does after it."""
        # Of 16-mixed alone: it skips a step when its scale is too great, and lowers that.
        scaler: GradScaler | None = getattr(self.trainer.precision_plugin, "scaler", None)
        scale = 0.0 if scaler is None else scaler.get_scale()
        super().optimizer_step(epoch, index, optimizer, closure)
        if self._tuned is not None:
            skipped = scaler is not None and scaler.get_scale() < scale
            self._tuned.after_step(self.trainer.global_step + 1, skipped)

    @property
    def _tuned(self) -> TrainableModule | None:
        return self.network if isinstance(self.network, TrainableModule) else None

    def kept(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Those of this module's weights that are kept: what stays as it was built is not."""
        if self._tuned is None:
            return weights
        names = {f"network.{name}" for name in self._tuned.trained_names()}
        return {key: value for key, value in weights.items() if key in names}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what is not trained; add what a method goes by."""
        if self._tuned is not None:
            checkpoint["state_dict"] = self.kept(checkpoint["state_dict"])
            checkpoint["memory"] = self._tuned.method_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from it."""
        if self._tuned is not None:
            self._tuned.load_method_state(checkpoint["memory"])

    def _log(self, values: dict[str, float]) -> None:
        # As doubles: `self.log` would round them to float32.
        tensors = {key: torch.tensor(value, dtype=torch.float64) for key, value in values.items()}
        self.trainer.callback_metrics.update(tensors)
