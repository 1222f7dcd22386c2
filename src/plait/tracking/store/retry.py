"""What does not answer is asked again: how often, for how long, and what ends the waiting.

An error that no waiting mends is raised at once, and so are Ctrl-C and SIGTERM.
"""

import sys
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from plait.tracking.store.faults import StoreUnavailable

if TYPE_CHECKING:
    from tenacity import RetryCallState

Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")

BETWEEN_TRIES = 3.0
"""Seconds until a store that does not answer is asked again."""

PATIENCE = 3600.0
"""Seconds that a trial waits for a store that does not answer. Its results are on disk then."""

BETWEEN_RACES, RACES = 0.5, 10
"""Seconds until a database is opened again whose tables others make at the same moment, and how
often it is tried at most."""


def patiently(
    ask: Callable[Arguments, Answer], *arguments: Arguments.args, **more: Arguments.kwargs
) -> Answer:
    """What ``ask`` gives; a store that does not answer is asked again for an hour.

    :raises StoreUnavailable: when patience ends.
    :raises StoreBroken: at once.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

    def tell(state: "RetryCallState") -> None:
        if state.attempt_number == 1 and state.outcome is not None:
            print(
                f"plait: {state.outcome.exception()}\n"
                f"  asked again every {BETWEEN_TRIES:.0f} s; nothing is lost",
                file=sys.stderr,
                flush=True,
            )

    return Retrying(
        retry=retry_if_exception_type(StoreUnavailable),
        wait=wait_fixed(BETWEEN_TRIES),
        stop=stop_after_delay(PATIENCE),
        before_sleep=tell,
        reraise=True,
    )(ask, *arguments, **more)


def until(
    abandoned: Event, ask: Callable[[], None], failed: Callable[[Exception], None], hurry: Event
) -> None:
    """Ask until it succeeds, whatever the store raises, or until it is abandoned.

    :param failed: told of each error.
    :param hurry: once set, ends the present waiting, so that the next try comes at once.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_when_event_set, wait_fixed

    def attempt() -> None:
        if abandoned.is_set():
            return
        try:
            ask()
        except Exception as error:
            failed(error)
            raise

    def wait(seconds: float) -> None:
        (abandoned if hurry.is_set() else hurry).wait(seconds)

    Retrying(
        retry=retry_if_exception_type(Exception),
        wait=wait_fixed(BETWEEN_TRIES),
        stop=stop_when_event_set(abandoned),
        sleep=wait,
        retry_error_callback=lambda state: None,
    )(attempt)


def while_others_make_it(
    open_it: Callable[[], Answer], is_race: Callable[[BaseException], bool]
) -> Answer:
    """What ``open_it`` gives; it is tried again where others make the same at that moment.

    :param is_race: whether an error says so.
    :raises Exception: any other error, or the last one.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_fixed

    return Retrying(
        retry=retry_if_exception(is_race),
        wait=wait_fixed(BETWEEN_RACES),
        stop=stop_after_attempt(RACES),
        reraise=True,
    )(open_it)
