"""Stores that do not answer at once: how often they are asked again, and what ends it."""

import threading
from collections.abc import Callable

import pytest

from plait.tracking.store import retry
from plait.tracking.store.faults import StoreBroken, StoreUnavailable
from plait.tracking.store.retry import patiently, until, while_others_make_it


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each waiting, none of which is waited."""
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds


def failing(*errors: BaseException) -> Callable[[], str]:
    """Raises each error once, then answers."""
    left = list(errors)

    def ask() -> str:
        if left:
            raise left.pop(0)
        return "an answer"

    return ask


def test_a_silent_store_is_asked_again_and_told_once(
    waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    silent = [StoreUnavailable(f"no answer {number}") for number in range(3)]
    assert patiently(failing(*silent)) == "an answer"
    assert waits == [3.0] * 3
    said = capsys.readouterr().err
    assert said == "plait: no answer 0\n  asked again every 3 s; nothing is lost\n"


def test_patience_ends_with_the_last_error(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 1000))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    silent = [StoreUnavailable(f"no answer {number}") for number in range(9)]
    with pytest.raises(StoreUnavailable, match="no answer 3"):
        patiently(failing(*silent))
    assert waits == [3.0] * 3


@pytest.mark.parametrize(
    "error", [StoreBroken("no room"), KeyboardInterrupt(), SystemExit(143), ZeroDivisionError()]
)
def test_what_no_waiting_mends_is_raised_at_once(error: BaseException, waits: list[float]) -> None:
    with pytest.raises(type(error)) as raised:
        patiently(failing(error))
    assert raised.value is error
    assert waits == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_a_signal_ends_the_waiting(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise error

    monkeypatch.setattr("time.sleep", interrupted)
    with pytest.raises(type(error)):
        patiently(failing(StoreUnavailable("no answer")))


class Waited(threading.Event):
    """An event that notes how long it is waited for; another thread's, it may be set meanwhile.

    :param then: what happens while it is waited for.
    """

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.waits: list[float | None] = []
        self._then = then

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        self._then()
        return self.is_set()


def test_a_training_asks_until_it_succeeds_whatever_goes_wrong() -> None:
    abandoned, hurry = Waited(), Waited()
    errors = [OSError("no route"), ValueError("no sense")]
    told: list[Exception] = []
    ask, answers = failing(*errors), []
    until(abandoned, lambda: answers.append(ask()), told.append, hurry)
    assert (told, answers) == (errors, ["an answer"])
    assert (hurry.waits, abandoned.waits) == ([3.0] * 2, [])


def test_the_end_of_a_training_cuts_the_waiting_short_and_then_only_its_end_does() -> None:
    abandoned = Waited()
    hurry = Waited(lambda: hurry.set())
    ask = failing(OSError(), OSError(), OSError())
    until(abandoned, lambda: ask() and None, lambda error: None, hurry)
    assert (hurry.waits, abandoned.waits) == ([3.0], [3.0] * 2)


def test_an_abandoned_store_is_not_asked_again() -> None:
    abandoned, asked = threading.Event(), []

    def ask() -> None:
        asked.append("once")
        raise OSError("no route")

    until(abandoned, ask, lambda error: None, Waited(abandoned.set))
    assert asked == ["once"]


def test_a_race_is_run_again_but_not_for_ever(waits: list[float]) -> None:
    assert while_others_make_it(failing(OSError()), lambda error: True) == "an answer"
    assert waits == [0.5]
    with pytest.raises(OSError, match="number 9"):
        while_others_make_it(
            failing(*(OSError(f"number {number}") for number in range(99))), lambda error: True
        )
    assert waits == [0.5] * retry.RACES
    with pytest.raises(OSError, match="other"):
        while_others_make_it(failing(OSError("other")), lambda error: False)
    assert waits == [0.5] * retry.RACES
