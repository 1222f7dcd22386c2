"""SIGTERM and Ctrl-C: obeyed at once as an exception, or noted and obeyed once a step is done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

TERMINATED = 128 + signal.SIGTERM
"""The exit status of a process that SIGTERM ended."""


class StopRequests:
    """Notes the signal that asks this process to stop; a second one is obeyed at once.

    :param file: asks for the same by being there: how the parent of several processes asks.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.signal: signal.Signals | None = None
        self._file = file
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    @property
    def pending(self) -> bool:
        """Whether to stop."""
        return self.signal is not None or (self._file is not None and self._file.exists())

    @contextmanager
    def noted(self, at_once: bool = True) -> Iterator[None]:
        """Within, signals are noted. A signal that is ignored stays ignored.

        :param at_once: else from `listen` on; until then they act as they did before.
        :raises BaseException: as `obey`, for a signal that nobody has obeyed until the end: what
            comes after a training is not to go on either.
        """
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.getsignal(number)
        try:
            if at_once:
                self.listen()
            yield
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before.clear()
        if self.signal is not None:
            self.obey()

    def listen(self) -> None:
        """Take the signals again from whoever has taken them since, as Lightning does."""
        for number in self._before:
            signal.signal(number, self._note)

    def obey(self) -> NoReturn:
        """End as the signal would have ended it: so its sender sees the truth.

        :raises KeyboardInterrupt: for Ctrl-C.
        :raises SystemExit: with status 143 for SIGTERM.
        """
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(TERMINATED)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            self.obey()
        self.signal = signal.Signals(number)


def is_termination(error: BaseException) -> bool:
    """Whether this is how a process ends at SIGTERM."""
    return isinstance(error, SystemExit) and error.code == TERMINATED


def end_at_sigterm() -> None:
    """Let SIGTERM end this process as an exception does, so that the run gets its true status."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    # As a shell reports it, so that DVC and schedulers see the truth.
    raise SystemExit(128 + number)
