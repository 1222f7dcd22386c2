"""Settings of the fit: how long, how precisely, on what."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from plait.settings import Chosen, setting
from plait.settings import Settings as Base
from plait.tasks.registry import task_named

Precision = Literal["64-true", "32-true", "16-mixed", "bf16-mixed", "bf16-true"]


class Settings(Base):
    """Section ``trainer``. What depends on the machine is checked when training starts."""

    max_epochs: int | None = setting("passes over the training part", unit="epochs", ge=1)
    max_steps: int | None = setting(
        "optimiser steps; training ends before max_epochs where they are fewer", unit="steps", ge=1
    )
    precision: Precision = setting("number format of weights and arithmetic")
    threads: int = setting(
        "CPU threads; another number adds in another order, which rounds differently", ge=1
    )
    gradient_clip: float | None = setting("largest norm of the gradient", gt=0)
    micro_batch_size: int | None = setting(
        "rows computed at once on a device; gradients are accumulated to batch_size",
        unit="rows",
        ge=1,
    )
    select_checkpoint: Literal["lowest_loss", "highest_accuracy", "last"] = setting(
        "epoch whose weights are the result, by its value on the validation part; without"
        " such a part, the last"
    )
    overfit_rows: int | None = setting(
        "rows to train on, the first ones alone; null: all", unit="rows", ge=1
    )
    detect_anomaly: bool = setting("whether to stop at the operation that makes a NaN")
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = setting("kind of device")
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = setting(
        "devices of each node, one for each process; on a CPU: processes of each node"
    )
    num_nodes: int = setting("machines that train together", ge=1)
    strategy: Literal["auto", "ddp", "fsdp"] = setting(
        "way in which several devices share the work"
    )
    num_workers: int = setting("processes that load batches; 0: the training process does it", ge=0)
    member_workers: int = setting(
        "processes that each train a member of an ensemble, or of cross-validation, at once; each"
        " on one device",
        ge=1,
    )
    checkpoint_minutes: float = setting(
        "longest time between two checkpoints; shorter where writing one takes at most 2 % of it",
        unit="minutes",
        ge=0,
    )
    checkpoint_steps: int | None = setting(
        "steps between checkpoints; null: by time alone", unit="steps", ge=1
    )
    gradient_checkpointing: bool = setting(
        "whether a language model computes its activations again in the backward pass: less"
        " memory, a third more time, the same numbers"
    )
    profile: bool = setting("whether to print where the time went")

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse a training without an end, and what the task or the model does not have."""
        if not chosen.by_gradient:
            return
        if self.max_epochs is None and self.max_steps is None:
            yield "trainer: max_epochs and max_steps are both null; give one of them"
        if self.select_checkpoint == "highest_accuracy" and task_named(chosen["data"].task).scalar:
            yield (
                "trainer.select_checkpoint: is highest_accuracy, which a regression has not; set it"
                " to lowest_loss or last"
            )
        if self.gradient_checkpointing and chosen.family != "language_model":
            yield (
                "trainer.gradient_checkpointing: is true, and only a language model has layers to"
                " compute again; set it to false"
            )
        if self.member_workers > 1 and (self.devices not in (1, "auto") or self.num_nodes > 1):
            yield (
                f"trainer.member_workers: is {self.member_workers}, each of which trains on one"
                " device; set it to 1, or trainer.devices and trainer.num_nodes to 1"
            )
        rows, batch_size = self.micro_batch_size, chosen[""].batch_size
        if rows is not None and batch_size % rows:
            yield f"trainer.micro_batch_size: is {rows}; must divide batch_size, {batch_size}"
