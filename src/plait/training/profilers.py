"""What Lightning's trainer is profiled by."""

from contextlib import nullcontext
from typing import Any

from lightning.pytorch.profilers import PassThroughProfiler, SimpleProfiler


class PrintedProfiler(SimpleProfiler):
    """Says where the time went whatever became of the loggers."""

    def describe(self) -> None:
        """Called on the first process when the training is over."""
        print(self.summary())


class NoProfiler(PassThroughProfiler):
    """Takes no time either.

    Lightning profiles each hook of each callback at each step, sixty times a step, and opens a
    generator for it: an eighth of the training of a small network.
    """

    _nothing = nullcontext()

    def profile(self, action_name: str) -> Any:
        """A block that is not looked at."""
        return self._nothing
