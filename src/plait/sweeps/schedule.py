"""Trials onto the slots of an engine: the next one as soon as a slot is free."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from plait.sweeps.engines import Engine
from plait.sweeps.trial import Outcome, Trial

NOTICED = 1.0
"""Seconds after which Ctrl-C is noticed that came just before the wait for a slot began."""


def run_all(
    engine: Engine, trials: Iterator[Trial], done: Callable[[Trial, Outcome], None]
) -> None:
    """Run every trial that the iterator gives, asked for one only when a slot is free.

    A trial that another process runs already is put off; in the end it is waited for.

    :param trials: used by one slot at a time.
    :param done: told of every end, one at a time.
    :raises BaseException: whatever ``trials`` or ``done`` raise; the engine is then closed, which
        ends the trials that still run.
    """
    put_off: deque[Trial] = deque()
    turn = threading.Lock()
    stopped = threading.Event()

    def next_trial() -> tuple[Trial | None, bool]:
        with turn:
            if stopped.is_set():
                return None, False
            trial = next(trials, None)
            if trial is not None:
                return trial, False
            return (put_off.popleft(), True) if put_off else (None, False)

    def fill_slot() -> None:
        try:
            while True:
                trial, patient = next_trial()
                if trial is None:
                    return
                outcome = engine.run(trial, patient)
                with turn:
                    if stopped.is_set():
                        return
                    if outcome.status == "busy":
                        put_off.append(trial)
                    else:
                        done(trial, outcome)
        except BaseException:
            stopped.set()
            raise

    # Each thread has a process or a job of its own to watch, and computes nothing.
    with ThreadPoolExecutor(engine.slots) as threads:
        try:
            running = {threads.submit(fill_slot) for _ in range(engine.slots)}
            while running:
                ended, running = wait(running, NOTICED, FIRST_COMPLETED)
                for slot in ended:
                    slot.result()
        except BaseException:
            stopped.set()
            engine.close()
            raise
