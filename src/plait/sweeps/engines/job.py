"""What a job of a scheduler runs: one trial, in a worker process of its own.

So a trial that kills its process has an outcome all the same, and only what kills the whole job
is left for the scheduler to tell.
"""

import time
from pathlib import Path

from plait.sweeps.trial import (
    Outcome,
    OutcomeValues,
    Trial,
    TrialValues,
    held_trial,
    record_failure,
)
from plait.sweeps.worker import GRACE, Worker
from plait.workspace import Workspace


class Job:
    """A trial as it travels to a job.

    :param root: of the tree, which is there under the same path.
    :param trial: as `Trial.to_json` gives it.
    :param wait: as `plait.sweeps.trial.run_trial` takes it.
    """

    def __init__(self, root: str, trial: TrialValues, wait: bool) -> None:
        self._root, self._trial, self._wait = root, trial, wait
        self._worker: Worker | None = None

    def __call__(self) -> OutcomeValues:
        """Run the trial; what interrupts this ends it as at SIGTERM.

        :returns: the fields of its `Outcome`.
        """
        self._worker = Worker(Path(self._root))
        try:
            return self._worker.run(Trial.from_json(self._trial), self._wait).to_json()
        finally:
            self.end()

    def end(self) -> None:
        """Let the trial end as at SIGTERM, and wait until it has."""
        if self._worker is not None:
            self._worker.close()


def lost(workspace: Workspace, trial: Trial, reason: str, seconds: float) -> Outcome:
    """The outcome of a trial whose job is gone, recorded once its worker is gone too.

    The worker notices that nobody reads its answers, and marks its run as terminated by itself.
    """
    end = time.monotonic() + GRACE
    while time.monotonic() < end:
        with held_trial(workspace, trial.resolved, wait=False) as gone:
            if gone:
                break
        time.sleep(0.2)
    return Outcome("failed", seconds, record_failure(workspace, trial, reason), reason)
