"""A process that runs trials, one after the other, and the handle that its parent holds.

The worker keeps what is slow to load. Each trial is a line of JSON on its standard input, each
outcome a line on its standard output; everything that a trial prints goes to ``run.log`` in the
trial's folder. A trial may kill its worker: the parent says how, and the next trial gets a new one;
so it does after a trial that took much memory. A worker ends when its parent does, however that
ended: its standard input closes.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypedDict

from plait.signals import TERMINATED, end_at_sigterm
from plait.sweeps.trial import Outcome, Trial, TrialValues, record_failure, run_trial
from plait.tracking.cost import has_gaps
from plait.training.own_process import own_environment
from plait.workspace import SRC, Workspace

GRACE = 30.0
"""Seconds that a worker has to end a training properly when its parent is gone."""

LOG = "run.log"
"""The file in a trial's folder that holds what the trial printed."""


class Request(TypedDict):
    """What a worker is asked, in a line."""

    trial: TrialValues
    wait: bool


class Worker:
    """A worker process, started when it is needed.

    It is started anew for the next trial when one has killed it or has left gaps in its memory.

    :param root: the tree whose code it runs.
    :param environment: variables of its own, such as ``CUDA_VISIBLE_DEVICES``.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._environment = environment or {}
        self._process: subprocess.Popen[str] | None = None
        self._reading = False

    def run(self, trial: Trial, wait: bool) -> Outcome:
        """Run a trial to its end; a worker that dies of it makes a failed trial."""
        began = time.monotonic()
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        answer = ""
        self._reading = True
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps({"trial": trial.to_json(), "wait": wait}) + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
        finally:
            self._reading = False
        if answer:
            said = json.loads(answer)
            if said["has_gaps"]:
                self.close()
            return Outcome(**said["outcome"])
        reason = cause(process.wait())
        process.stdout.close()
        if process.stdin.closed:
            # Ended by `end`: it has marked its run itself, and goes on when it is run again.
            return Outcome("failed", time.monotonic() - began, None, "interrupted")
        run_id = record_failure(Workspace.at(self._root), trial, reason)
        return Outcome("failed", time.monotonic() - began, run_id, reason)

    def end(self) -> None:
        """Let it end, a trial that still runs as at SIGTERM."""
        # Meanwhile the thread that runs trials may let go of it.
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()

    def close(self) -> None:
        """End it, and wait until it is gone."""
        self.end()
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(GRACE + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # It may be a signal's handler or another thread that closes it while `run` reads.
        if process.stdout is not None and not self._reading:
            process.stdout.close()

    def _start(self) -> "subprocess.Popen[str]":
        environment = {
            **own_environment(),
            "PYTHONPATH": str(self._root / SRC),
            **self._environment,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "plait.sweeps.worker"],
            cwd=self._root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def cause(status: int) -> str:
    """What a worker's exit status says."""
    if status == TERMINATED:
        return "its process was terminated (SIGTERM)"
    if status >= 0:
        return f"its process ended with exit status {status}"
    name = signal.Signals(-status).name
    memory = " (out of memory?)" if -status == signal.SIGKILL else ""
    return f"its process was killed by {name}{memory}"


def main() -> None:
    """Run the trials that come in until there are no more."""
    # Outcomes have a pipe of their own; nothing that is printed may get between them.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    end_at_sigterm()
    # Ctrl-C reaches the parent too, which decides; so does SLURM's warning that time is up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    idle = threading.Event()
    idle.set()
    threading.Thread(target=_listen, args=(sys.stdin, requests, idle), daemon=True).start()
    workspace = Workspace.at(Path.cwd())
    while (request := requests.get()) is not None:
        trial = Trial.from_json(request["trial"])
        folder = workspace.trial(trial.resolved.name, trial.resolved.identity)
        idle.clear()
        with _printed_to(folder / LOG):
            outcome = run_trial(workspace, trial, request["wait"])
        idle.set()
        said = {"outcome": outcome.to_json(), "has_gaps": has_gaps()}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def _listen(
    pipe: IO[str], requests: "queue.SimpleQueue[Request | None]", idle: threading.Event
) -> None:
    """The thread that reads requests, and notices that nobody will read the answers."""
    for line in pipe:
        requests.put(json.loads(line))
    requests.put(None)
    if not idle.is_set():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(TERMINATED)


@contextmanager
def _printed_to(path: Path) -> Iterator[None]:
    """Let everything that this process prints, in whatever language, go to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with path.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for target, source in zip((1, 2), kept, strict=True):
            os.dup2(source, target)
            os.close(source)


if __name__ == "__main__":
    main()
