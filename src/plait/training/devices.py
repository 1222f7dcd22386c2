"""What this machine offers, checked when training starts; and Lightning's talk, kept down."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from plait.errors import UserError
from plait.training.settings import Settings


def check_devices(settings: Settings) -> None:
    """Refuse what this machine does not have.

    :raises UserError: for more devices than there are, or a kind or precision that is missing.
    """
    import torch

    available = {
        "gpu": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }
    present = [kind for kind, count in available.items() if count]
    kind = settings.accelerator
    if kind in available and kind not in present:
        raise UserError(f"trainer.accelerator: this machine has no {kind}; use auto")
    used = next(iter(present), "cpu") if kind == "auto" else kind
    if settings.devices != "auto" and settings.devices > available.get(used, 1):
        raise UserError(
            f"trainer.devices: is {settings.devices}, but this machine has"
            f" {available.get(used, 1)} x {used}"
        )
    if settings.precision == "16-mixed" and used == "cpu":
        # Lightning would take bf16-mixed in silence: other numbers than were asked for.
        raise UserError("trainer.precision: 16-mixed needs a gpu; on a cpu use bf16-mixed")
    if settings.devices not in ("auto", 1) or settings.nodes > 1:
        raise UserError("trainer.devices: training runs on one device so far; use auto or 1")
    if settings.strategy != "auto":
        raise UserError(
            f"trainer.strategy: {settings.strategy} is for several devices, and training runs on"
            " one so far; use auto"
        )


def describe_devices(settings: Settings) -> str:
    """What training takes here, such as ``1 x NVIDIA H100`` or ``cpu``."""
    import torch

    if settings.accelerator == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return f"1 x {torch.cuda.get_device_name(0)}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@contextmanager
def quiet() -> Iterator[None]:
    """Without Lightning's banners and advice; its warnings of faults stay."""
    names = ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch.accelerators.cuda")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # In-memory batches need no workers; a training without validation part is meant.
            warnings.filterwarnings("ignore", ".*does not have many workers.*")
            warnings.filterwarnings("ignore", ".*have no `val_dataloader`.*")
            # On a machine of a SLURM cluster, `plait run` is what starts jobs.
            warnings.filterwarnings("ignore", ".*`srun` command is available.*")
            # Lightning 2.6.6 on torch 2.13, 2026-11: nothing that a user can change.
            warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
