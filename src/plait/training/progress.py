"""Callbacks of every training: the curves, the best weights, a progress bar."""

import math
from collections.abc import Callable
from typing import Any, NoReturn

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor
from tqdm import tqdm

from plait.artifacts import significant
from plait.errors import UserError
from plait.objectives.base import AnyBatch
from plait.training.epoch_end import AfterEpoch
from plait.training.module import SupervisedModule

ROWS_NAMED = 10
"""The most rows of a batch that a message names."""


class Curves(AfterEpoch):
    """A row of values an epoch, handed on as it comes.

    :param observe: called on the first process with the epoch and its values.
    """

    def __init__(self, observe: Callable[[int, dict[str, float]], None]) -> None:
        self.rows: list[dict[str, float]] = []
        self._observe = observe

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Take the values that the module logged."""
        values = {
            key: significant(float(value))
            for key, value in sorted(trainer.callback_metrics.items())
        }
        self.rows.append({"epoch": trainer.current_epoch, **values})
        if trainer.is_global_zero:
            self._observe(trainer.current_epoch, values)

    def state_dict(self) -> dict[str, Any]:
        """The state that a checkpoint keeps."""
        return {"rows": self.rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.rows = state["rows"]


class NonFiniteLoss(AfterEpoch):
    """Ends a training whose values are no longer numbers.

    The losses of a step are looked at together, before anything of it is kept; validation's and
    other values at the end of an epoch.

    :param name: of the experiment.
    :param losses: False leaves the losses of the steps alone.
    """

    def __init__(self, name: str, losses: bool) -> None:
        self._name, self._look = name, losses
        self._losses: list[tuple[Tensor, Tensor]] = []

    def on_train_batch_end(
        self,
        trainer: Trainer,
        module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: AnyBatch,
        index: int,
    ) -> None:
        """Keep the loss of a micro-batch, and which rows it is of."""
        if self._look and isinstance(outputs, dict) and "loss" in outputs and len(batch.rows):
            self._losses.append((outputs["loss"].detach(), batch.rows))

    @property
    def is_there(self) -> bool:
        """Whether one of the losses since `forget` is no number."""
        if not self._losses:
            return False
        # Asked of the device once; of a few numbers, Python says it sooner than four kernels.
        losses = torch.stack([loss for loss, _ in self._losses]).tolist()
        return not all(map(math.isfinite, losses))

    def forget(self) -> None:
        """Forget the losses of a step."""
        self._losses.clear()

    def end(self, trainer: Trainer) -> NoReturn:
        """End the training because of the step before.

        :raises UserError: naming the loss, the step and the rows.
        :raises SystemExit: where the loss is another process's, which says so.
        """
        broken = [(float(loss), rows) for loss, rows in self._losses if not loss.isfinite()]
        if not broken:
            raise SystemExit(1)
        loss, rows = broken[0]
        named = ", ".join(map(str, rows[:ROWS_NAMED].tolist()))
        more = f" and {len(rows) - ROWS_NAMED} more" if len(rows) > ROWS_NAMED else ""
        raise UserError(
            f"{self._name}: the loss is {loss} at step {trainer.global_step - 1}, epoch"
            f" {trainer.current_epoch}, on rows {named}{more} of the training part:\n  training"
            " diverged; a smaller optimizer.lr or trainer.gradient_clip helps, and"
            " trainer.detect_anomaly=true finds the operation"
        )

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Look at everything that was logged.

        :raises UserError: naming the value and the epoch.
        """
        for key, value in sorted(trainer.callback_metrics.items()):
            if not math.isfinite(value):
                raise UserError(
                    f"{self._name}: {key} is {float(value)} at epoch {trainer.current_epoch}:"
                    " training diverged; a smaller optimizer.lr or trainer.gradient_clip helps"
                )


class BestWeights(AfterEpoch):
    """Keeps the weights that are the result, on the first process.

    :param key: of the value that the best epoch has, such as ``val/loss``; None: the last epoch.
    :param least: whether the least value is the best, or the greatest.
    """

    def __init__(self, key: str | None, least: bool) -> None:
        self._key, self._least = key, least
        self.best: float | None = None
        self.weights: dict[str, Tensor] = {}

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Copy the weights if this epoch's are the best so far."""
        if self._key is None:
            return
        if self._key not in trainer.callback_metrics:
            raise UserError(
                f"{type(module).__module__}: validation_step must log {self._key!r}, by which the"
                " best epoch is chosen"
                if not isinstance(module, SupervisedModule)
                else f"trainer.select_checkpoint: no {self._key!r} is logged by this objective; set"
                " it to lowest_loss or last"
            )
        value = float(trainer.callback_metrics[self._key])
        if self.best is None or (value < self.best if self._least else value > self.best):
            self.best = value
            self.weights = _weights_of(trainer)

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Without a key, the last weights are it; a checkpoint's, if it was the end."""
        if self._key is None:
            self.weights = _weights_of(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The state that a checkpoint keeps."""
        return {"best": self.best, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.best, self.weights = state["best"], state["weights"]


def _weights_of(trainer: Trainer) -> dict[str, Tensor]:
    """Copies, on the CPU; where weights are sharded, all of them on the first process."""
    weights = trainer.strategy.lightning_module_state_dict()
    if isinstance(module := trainer.lightning_module, SupervisedModule):
        weights = module.kept(weights)
    return {key: value.detach().cpu().clone() for key, value in weights.items()}


class Progress(AfterEpoch):
    """A bar over epochs, on a terminal."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: tqdm

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Draw the bar."""
        self._bar = tqdm(
            total=trainer.max_epochs if (trainer.max_epochs or -1) > 0 else None,
            initial=trainer.current_epoch,
            desc=self._name,
            unit="epoch",
        )

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Advance it, with the losses beside it."""
        losses = {
            key: f"{float(value):.4g}"
            for key, value in trainer.callback_metrics.items()
            if key.endswith("/loss")
        }
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update()

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Leave it as it stands."""
        self._bar.close()
