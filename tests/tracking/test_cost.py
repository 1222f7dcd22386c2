"""What a training costs: its own, not what the process did before."""

import gc
import sys
import weakref

import pytest

from plait.tracking import cost
from plait.tracking.cost import MEMORY, PeakMemory, has_gaps

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others can't forget a peak")


def test_what_was_freed_before_is_not_counted() -> None:
    PeakMemory()  # What other tests have left goes.
    pieces = [bytearray(50_000) for _ in range(6000)]
    whole = PeakMemory().values()[MEMORY]
    # The last one lies behind what is freed, so that the C library keeps that.
    del pieces[:-1]
    after = PeakMemory()
    assert after.values()[MEMORY] < whole - 250
    pieces += [bytearray(50_000) for _ in range(6000)]
    assert after.values()[MEMORY] > whole - 50


class _Ring:
    """Refers to itself, as trainers and their models do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.slow
def test_what_a_large_training_left_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.disable()
    try:
        left = weakref.ref(_Ring())
        monkeypatch.setattr(cost, "LARGE", 1e12)
        PeakMemory()
        assert left() is not None
        monkeypatch.setattr(cost, "LARGE", 0)
        PeakMemory()
        assert left() is None
    finally:
        gc.enable()


def test_what_earlier_epochs_have_freed_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = PeakMemory()
    pieces = [bytearray(50_000) for _ in range(6000)]
    del pieces[:-1]
    held = cost._kilobytes("VmRSS")
    memory.keep_low()
    assert cost._kilobytes("VmRSS") > held - 50_000  # not so soon
    monkeypatch.setattr(cost, "BETWEEN_TRIMS", 0.0)
    memory.keep_low()
    assert cost._kilobytes("VmRSS") < held - 250_000


def test_a_process_that_has_held_far_more_has_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [bytearray(50_000) for _ in range(6000)]
    del pieces[:-1]
    # Against the most that this process has ever held, by this test or another.
    whole = cost._own()
    cost._give_back_what_is_free()
    gaps = whole - cost._kilobytes("VmRSS")
    assert gaps > 250_000
    monkeypatch.setattr(cost, "LARGE", gaps - 100_000)
    assert has_gaps()
    monkeypatch.setattr(cost, "LARGE", gaps + 100_000)
    assert not has_gaps()
