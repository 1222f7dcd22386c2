"""What a training costs: time and memory. No rebuild repeats them, so no stage has them as outs."""

import ctypes
import gc
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

PREFIX = "cost/"

SECONDS = PREFIX + "train_seconds"
MEMORY = PREFIX + "peak_memory_mb"
"""The peak memory of the process that trains; where several do, of the largest."""
GPU_MEMORY = PREFIX + "peak_gpu_memory_mb"
"""The peak GPU memory of the process that records, if it trains on a GPU itself."""

BETWEEN_TRIMS = 10.0
"""Seconds in which memory that was freed is not given back again: that takes some 0.2 s."""

LARGE = 1_500_000
"""kB: a process that holds more first looks for leftovers to free (some 0.4 s); one that has let
go of more is worth replacing by a new worker."""

PROCESS = Path("/proc/self")


def without_costs(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics that a rebuilt run has again."""
    return {key: value for key, value in metrics.items() if not key.startswith(PREFIX)}


class PeakMemory:
    """The most memory that this process has held since this was made.

    Linux alone can forget an earlier peak: elsewhere it is that of the process's whole life.
    """

    def __init__(self) -> None:
        # Else it would count as this training's, and a worker would grow from trial to trial.
        if _own() > LARGE:
            gc.collect()
        _give_back_what_is_free()
        self._given_back = time.monotonic()
        self._own = _forget_peak()
        self._children = _children()
        gpu = _gpu()
        if gpu is not None:
            gpu.reset_peak_memory_stats()

    def keep_low(self) -> None:
        """Let go what earlier epochs have freed, lest a long training hold more than it needs."""
        if time.monotonic() - self._given_back >= BETWEEN_TRIMS:
            _give_back_what_is_free()
            self._given_back = time.monotonic()

    def values(self) -> dict[str, float]:
        """The peaks in MB, by the metric's name."""
        peak = _kilobytes("VmHWM") if self._own else _own()
        # What children reached before is not told apart from what they reach now.
        children = _children()
        if children > self._children:
            peak = max(peak, children)
        values = {MEMORY: round(peak / 1000, 1)}
        gpu = _gpu()
        if gpu is not None:
            values[GPU_MEMORY] = round(gpu.max_memory_allocated() / 1e6, 1)
        return values


def has_gaps() -> bool:
    """Whether this process has held far more memory than it holds now.

    The C library gives pages back, not addresses: later work is spread over all the gaps that
    larger tensors have left, until the process holds as much again, however little that work needs.
    """
    if not PROCESS.exists():  # Linux alone tells
        return False
    _give_back_what_is_free()
    return _own() - _kilobytes("VmRSS") > LARGE


def _give_back_what_is_free() -> None:
    """Give the system the gaps that tensors of ever other sizes leave, and the C library keeps."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):
        return  # another C library than glibc


def _forget_peak() -> bool:
    try:
        (PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _kilobytes(key: str) -> float:
    lines = (PROCESS / "status").read_text(encoding="ascii").splitlines()
    (line,) = [line for line in lines if line.startswith(key)]
    return float(line.split()[1]) * 1.024


def _own() -> float:
    return _scaled(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _children() -> float:
    return _scaled(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _scaled(value: int) -> float:
    """The system's number in kB: macOS counts bytes."""
    return value / 1000 if sys.platform == "darwin" else value * 1.024


def _gpu() -> ModuleType | None:
    """``torch.cuda`` where it is in use; this imports nothing."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_initialized() else None
