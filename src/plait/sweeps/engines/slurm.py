"""A job of SLURM a trial, submitted by submitit.

The tree lies where every node finds it, under the same path. Jobs outlive a launcher that is
killed: the sweep launched again waits for them, or reuses what they trained.
"""

import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from plait.config.extras import require
from plait.errors import UserError
from plait.settings import Settings as Base
from plait.settings import setting
from plait.sweeps.engines.job import Job, lost
from plait.sweeps.trial import Outcome, OutcomeValues, Trial
from plait.workspace import SRC, Workspace

if TYPE_CHECKING:
    from submitit import Job as SubmittedJob
    from submitit.helpers import DelayedSubmission

BETWEEN_LOOKS = 0.5
"""Seconds until a job's result is looked for again."""

BETWEEN_QUESTIONS = 15.0
"""Seconds until SLURM is asked again for the state of a job."""

UNTIL_SEEN = 20.0
"""Seconds that a file system of many nodes may take to show what a job has written."""

TO_END = 40.0
"""Seconds that cancelled jobs have to end."""

OVER = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "TIMEOUT"),
}
"""States that a job of SLURM ends in."""


class Settings(Base):
    """``hydra/launcher=slurm``."""

    cluster: Literal["slurm", "local"] = setting(
        "kind of cluster; local: submitit's jobs on this machine, to try"
    )
    jobs: int = setting("jobs at once, those counted that wait for a node", ge=1)
    timeout_min: int = setting(
        "longest time of a job; its work then goes on in another", unit="minutes", ge=1
    )
    cpus_per_task: int = setting("CPU cores of a job", ge=1)
    gpus_per_node: int = setting("GPUs of a job", ge=0)
    mem_gb: float | None = setting("memory of a job; null: the partition's default", gt=0)
    partition: str | None = setting("partition of the queue; null: the default one")
    additional_parameters: dict[str, str | int | bool] = setting(
        "more options of sbatch by name, such as account or constraint"
    )


class ResumedJob(Job):
    """A trial that goes on in the next job when its own is ended."""

    def checkpoint(self) -> "DelayedSubmission":
        """Called by submitit when the job's time is up, or its place is wanted.

        :returns: what SLURM is to run when it has room again: the trial, from its checkpoint on.
        """
        from submitit.helpers import DelayedSubmission

        self.end()
        return DelayedSubmission(ResumedJob(self._root, self._trial, self._wait))


class Jobs:
    """Runs each trial in a job of its own.

    :raises UserError: without submitit, or without SLURM.
    """

    def __init__(self, root: Path, settings: Settings) -> None:
        require("slurm", "hydra/launcher=slurm")
        if settings.cluster == "slurm" and shutil.which("sbatch") is None:
            raise UserError(
                "hydra/launcher=slurm: there is no SLURM here (no sbatch on the PATH);\n"
                "  hydra.launcher.cluster=local runs the jobs on this machine"
            )
        from submitit import AutoExecutor

        self._workspace, self._settings = Workspace.at(root), settings
        # Jobs import this tree's code, whatever is installed.
        python = f"env PYTHONPATH={shlex.quote(str(root / SRC))} {shlex.quote(sys.executable)}"
        self._folder = self._workspace.slurm_jobs
        self._executor = AutoExecutor(
            self._folder, settings.cluster, **{f"{settings.cluster}_python": python}
        )
        self._executor.update_parameters(
            name="plait",
            timeout_min=settings.timeout_min,
            cpus_per_task=settings.cpus_per_task,
            gpus_per_node=settings.gpus_per_node or None,
            mem_gb=settings.mem_gb,
            slurm_partition=settings.partition,
            slurm_additional_parameters=settings.additional_parameters or None,
        )
        self._submitting = threading.Lock()
        self._accepted = False
        self._jobs: list[SubmittedJob] = []
        self._closed = threading.Event()

    @property
    def slots(self) -> int:
        """The number of trials at once: one for each job."""
        return self._settings.jobs

    def run(self, trial: Trial, wait: bool) -> Outcome:
        """Submit a job and wait for its end.

        :raises UserError: if SLURM refuses the first one.
        """
        began = time.monotonic()
        try:
            job = self._submit(ResumedJob(str(self._workspace.root), trial.to_json(), wait))
        except Refused as refused:
            return self._failed(trial, began, str(refused))
        try:
            state = self._until_over(job)
            if self._closed.is_set():
                return Outcome("failed", time.monotonic() - began, None, "interrupted")
            values, reason = self._result(job, state)
            return Outcome(**values) if values else self._failed(trial, began, reason)
        finally:
            self._jobs.remove(job)

    def close(self) -> None:
        """Cancel the jobs that wait or run, and let them end."""
        self._closed.set()
        jobs, end = list(self._jobs), time.monotonic() + TO_END
        for job in jobs:
            job.cancel(check=False)
        while time.monotonic() < end and not all(self._state(job) in OVER for job in jobs):
            time.sleep(BETWEEN_LOOKS)

    def _submit(self, work: Job) -> "SubmittedJob":
        from submitit.core.utils import FailedJobError

        with self._submitting:
            try:
                job = self._executor.submit(work)
            except FailedJobError as error:
                said = str(error).partition("\n")[0].removeprefix("sbatch: error: ")
                if not self._accepted:
                    raise UserError(
                        f"hydra/launcher=slurm: SLURM refuses the job: {said}"
                    ) from None
                raise Refused(f"SLURM refused its job: {said}") from None
            self._accepted = True
            self._jobs.append(job)
            return job

    def _until_over(self, job: "SubmittedJob") -> str:
        """Wait; the state that the job ended in, as far as it is known."""
        asked = time.monotonic()
        while not job.paths.result_pickle.exists() and not self._closed.is_set():
            local = self._settings.cluster == "local"
            if local or time.monotonic() - asked > BETWEEN_QUESTIONS:
                asked = time.monotonic()
                if (state := self._state(job)) in OVER:
                    return state
            time.sleep(BETWEEN_LOOKS)
        return "COMPLETED"

    def _state(self, job: "SubmittedJob") -> str:
        """Asked of SLURM's queue, which also clusters without accounting have."""
        if self._settings.cluster == "local":
            return "COMPLETED" if job.done() else "RUNNING"
        answer = subprocess.run(
            ["squeue", "--noheader", "--states=all", f"--jobs={job.job_id}", "--format=%T"],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            # Forgotten: it ended minutes ago. Anything else may be the controller's bad moment.
            return "COMPLETED" if "Invalid job id" in answer.stderr else "UNKNOWN"
        return answer.stdout.strip() or "COMPLETED"

    def _result(self, job: "SubmittedJob", state: str) -> tuple[OutcomeValues | None, str]:
        """The outcome's fields, or why there are none."""
        from submitit.core.utils import pickle_load

        file, end = job.paths.result_pickle, time.monotonic() + UNTIL_SEEN
        while not file.exists():
            if self._settings.cluster == "local" or time.monotonic() > end:
                said = f"ended without a result ({state})"
                return None, f"its job {job.job_id} {said}{self._log(job)}"
            time.sleep(BETWEEN_LOOKS)
        kind, result = pickle_load(file)
        if kind != "success":
            said = result.strip().splitlines()[-1]
            return None, f"its job {job.job_id} failed: {said}{self._log(job)}"
        self._forget(job)
        return result, ""

    def _log(self, job: "SubmittedJob") -> str:
        return f"; its log is {job.paths.stderr.relative_to(self._workspace.anchor)}"

    def _forget(self, job: "SubmittedJob") -> None:
        """Remove the files of a job that ended well; what its trial printed is in run.log."""
        for file in self._folder.glob(f"{job.job_id}_*"):
            file.unlink(missing_ok=True)
        for link in self._folder.glob(".submission_file_*"):
            if not link.exists():
                link.unlink(missing_ok=True)

    def _failed(self, trial: Trial, began: float, reason: str) -> Outcome:
        return lost(self._workspace, trial, reason, time.monotonic() - began)


class Refused(Exception):
    """SLURM took other jobs, and not this one."""


def engine(root: Path, settings: Settings) -> Jobs:
    """The engine."""
    return Jobs(root, settings)
