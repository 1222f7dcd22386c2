"""The next trial is asked for when a slot is free, and not before."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from plait.config.resolved import Resolved
from plait.sweeps.schedule import run_all
from plait.sweeps.trial import Outcome, Trial


def trials(count: int) -> list[Trial]:
    return [Trial(Resolved({"name": f"trial{number}"})) for number in range(count)]


class Scripted:
    """An engine whose trials do what the test says.

    :param work: gives a trial's outcome.
    """

    def __init__(self, slots: int, work: Callable[[Trial, bool], Outcome]) -> None:
        self.slots, self._work = slots, work
        self.closed = False

    def run(self, trial: Trial, wait: bool) -> Outcome:
        return self._work(trial, wait)

    def close(self) -> None:
        self.closed = True


def finished(trial: Trial, wait: bool) -> Outcome:
    return Outcome("new", 0.0, "a run")


def nothing(trial: Trial, outcome: Outcome) -> None:
    """Told of an end, it does nothing."""


@pytest.mark.parametrize("slots", [1, 3])
def test_no_trial_is_asked_for_before_a_slot_is_free(slots: int) -> None:
    asked, ended = [], []
    ahead = []

    def lazily() -> Iterator[Trial]:
        for trial in trials(12):
            asked.append(trial)
            ahead.append(len(asked) - len(ended))
            yield trial

    run_all(Scripted(slots, finished), lazily(), lambda trial, outcome: ended.append(trial))
    assert len(ended) == len(asked) == 12
    assert max(ahead) <= slots


def test_what_a_trial_was_worth_is_known_when_the_next_is_drawn() -> None:
    told: list[str] = []

    def drawn() -> Iterator[Trial]:
        for number, trial in enumerate(trials(5)):
            assert len(told) == number
            yield trial

    run_all(Scripted(1, finished), drawn(), lambda trial, outcome: told.append(outcome.status))


def test_a_slow_trial_holds_up_no_other() -> None:
    slow, *others = trials(6)
    others_done = threading.Event()
    ended: list[Trial] = []

    def work(trial: Trial, wait: bool) -> Outcome:
        if trial is slow:
            assert others_done.wait(30)
        return finished(trial, wait)

    def done(trial: Trial, outcome: Outcome) -> None:
        ended.append(trial)
        if len(ended) == len(others):
            others_done.set()

    run_all(Scripted(2, work), iter([slow, *others]), done)
    assert ended[-1] is slow


def test_a_trial_that_somebody_else_runs_is_put_off_and_waited_for_in_the_end() -> None:
    busy, *others = trials(3)
    calls: list[tuple[str, bool]] = []

    def work(trial: Trial, wait: bool) -> Outcome:
        calls.append((trial.resolved.name, wait))
        if trial is busy and not wait:
            return Outcome("busy", 0.0)
        return finished(trial, wait)

    ended: list[Trial] = []
    run_all(Scripted(1, work), iter([busy, *others]), lambda trial, _: ended.append(trial))
    assert calls == [("trial0", False), ("trial1", False), ("trial2", False), ("trial0", True)]
    assert ended == [*others, busy]


def test_what_goes_wrong_in_drawing_ends_the_engine_and_is_raised() -> None:
    engine = Scripted(2, finished)

    def drawn() -> Iterator[Trial]:
        yield from trials(3)
        raise ValueError("no more values")

    with pytest.raises(ValueError, match="no more values"):
        run_all(engine, drawn(), nothing)
    assert engine.closed


def test_what_goes_wrong_in_telling_ends_the_engine_and_is_raised() -> None:
    engine = Scripted(2, finished)

    def done(trial: Trial, outcome: Outcome) -> None:
        raise ValueError("the study is gone")

    with pytest.raises(ValueError, match="the study is gone"):
        run_all(engine, iter(trials(5)), done)
    assert engine.closed


@pytest.mark.parametrize("slots", [1, 2])
def test_ctrl_c_ends_the_trials_that_run_and_begins_no_other(slots: int) -> None:
    """It reaches the main thread while every slot has a trial, which ends with its engine."""
    running, begun = threading.Semaphore(0), []

    class Interrupted(Scripted):
        def __init__(self) -> None:
            super().__init__(slots, self.wait_for_the_end)
            self.ended = threading.Event()

        def wait_for_the_end(self, trial: Trial, wait: bool) -> Outcome:
            begun.append(trial)
            running.release()
            assert self.ended.wait(60)
            return Outcome("failed", 0.0, None, "interrupted")

        def close(self) -> None:
            super().close()
            self.ended.set()

    def press_ctrl_c() -> None:
        for _ in range(slots):
            running.acquire(timeout=60)
        os.kill(os.getpid(), signal.SIGINT)

    engine = Interrupted()
    told: list[Trial] = []
    user = threading.Thread(target=press_ctrl_c)
    # Where pytest runs in the background, its shell has it ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        user.start()
        with pytest.raises(KeyboardInterrupt):
            run_all(engine, iter(trials(5)), lambda trial, outcome: told.append(trial))
        user.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert engine.closed
    assert len(begun) == slots
    assert told == []
