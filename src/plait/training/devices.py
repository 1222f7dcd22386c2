"""The devices of this machine, checked when training starts; and Lightning's messages, kept
quiet.
"""

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
    # A CPU takes as many processes as one likes: to try what several devices will do.
    if used != "cpu" and settings.devices != "auto" and settings.devices > available[used]:
        raise UserError(
            f"trainer.devices: is {settings.devices}, but this machine has"
            f" {available[used]} x {used}"
        )
    if settings.precision == "16-mixed" and used == "cpu":
        # Lightning would take bf16-mixed in silence: other numbers than were asked for.
        raise UserError("trainer.precision: 16-mixed needs a gpu; on a cpu use bf16-mixed")
    if settings.precision == "64-true" and used == "mps":
        raise UserError("trainer.precision: mps has no 64-true; use 32-true, or accelerator: cpu")


def processes_here(settings: Settings) -> int:
    """Processes of a training on this machine: one a device; ``auto`` takes all GPUs, or a CPU."""
    import torch

    if settings.devices != "auto":
        return settings.devices
    return max(1, torch.cuda.device_count()) if settings.accelerator in ("auto", "gpu") else 1


def describe_devices(settings: Settings) -> str:
    """What training takes, such as ``cpu`` or ``2 nodes of 8 x NVIDIA H100``."""
    import torch

    kind = "mps" if torch.backends.mps.is_available() else "cpu"
    if torch.cuda.is_available():
        kind = torch.cuda.get_device_name(0)
    if settings.accelerator == "cpu":
        kind = "cpu"
    count = processes_here(settings)
    here = kind if count == 1 and kind in ("cpu", "mps") else f"{count} x {kind}"
    return here if settings.num_nodes == 1 else f"{settings.num_nodes} nodes of {here}"


@contextmanager
def quiet() -> Iterator[None]:
    """Without Lightning's banners and advice; its warnings of faults stay."""
    names = (
        *("lightning.pytorch.utilities.rank_zero", "lightning.pytorch.accelerators.cuda"),
        "lightning.fabric.utilities.distributed",
        "lightning.pytorch.trainer.connectors.signal_connector",
    )
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # In-memory batches need no workers; a training without validation part is meant.
            warnings.filterwarnings("ignore", ".*does not have many workers.*")
            warnings.filterwarnings("ignore", ".*have no `val_dataloader`.*")
            # No network of ours changes its output in place.
            warnings.filterwarnings("ignore", ".*returned a view tensor.*")
            # A frozen transformer is meant to stay as it was.
            warnings.filterwarnings("ignore", ".*in eval mode at the start of training.*")
            # In 16-mixed the first step is skipped where the scale of gradients starts too great.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step..` before")
            # On a machine of a SLURM cluster, `plait run` is what starts jobs.
            warnings.filterwarnings("ignore", ".*`srun` command is available.*")
            # Lightning 2.6.6 on torch 2.13, 2026-11: nothing that a user can change.
            warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
