"""Two processes that train one task after another: what takes them ten seconds is to start.

Everything else is as in a training of two processes: the folder that is handed over, the ranks'
own code, their process group. How they are started and watched, `test_processes` tests.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkouts import ROOT
from plait.config.resolved import Resolved
from plait.training.distributed import launch
from plait.training.distributed.agent import Meeting
from plait.training.own_process import own_environment
from warm.start import warm_python

PROGRAM = """
import os, sys
from pathlib import Path
from torch import distributed
from plait.training.distributed import collectives as processes
from plait.training.distributed import worker

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a training prints is no answer
for line in sys.stdin:
    place, folder, os.environ["MASTER_PORT"] = line.rstrip("\\n").split("\\t")
    os.chdir(place)
    number = int(os.environ["RANK"])
    status = worker.run(Path(folder), number)
    if distributed.is_initialized():
        distributed.destroy_process_group()
    processes.cpu_group.cache_clear()
    answers.write(f"{status}\\n")
    answers.flush()
"""


class LastingRanks:
    """Two processes for all trainings of a test session; started when the first is asked for."""

    world = 2

    def __init__(self) -> None:
        self._ranks: list[subprocess.Popen[str]] = []

    def start_agent(self, folder: Path, meeting: Meeting) -> "Job":
        """In place of `plait.training.distributed.launch.start_agent`."""
        assert meeting.processes == self.world
        assert Resolved.read(folder / "resolved.yaml")["trainer.threads"] == 1
        if not self._ranks or any(rank.poll() is not None for rank in self._ranks):
            self.end()
            self._ranks = [self._started(number) for number in range(self.world)]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        for rank in self._ranks:
            assert rank.stdin is not None
            rank.stdin.write(f"{os.getcwd()}\t{folder}\t{port}\n")
            rank.stdin.flush()
        return Job(self._ranks)

    def end(self) -> None:
        for rank in self._ranks:
            rank.kill()
            rank.wait()
            for stream in (rank.stdin, rank.stdout):
                assert stream is not None
                stream.close()
        self._ranks = []

    def _started(self, number: int) -> "subprocess.Popen[str]":
        part = {"RANK": number, "LOCAL_RANK": number, "GROUP_RANK": 0}
        whole = {"WORLD_SIZE": self.world, "LOCAL_WORLD_SIZE": self.world}
        return subprocess.Popen(
            [warm_python(), "-c", PROGRAM],
            env={
                **own_environment(),
                **{key: str(value) for key, value in {**part, **whole}.items()},
                # By which Lightning knows that torchrun has started it.
                "TORCHELASTIC_RUN_ID": "lasting",
                "TORCH_CPP_LOG_LEVEL": "ERROR",
                "MASTER_ADDR": "127.0.0.1",
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


class Job:
    """The part of `subprocess.Popen` that `plait.training.distributed.launch` needs."""

    returncode: int | None = None

    def __init__(self, ranks: "list[subprocess.Popen[str]]") -> None:
        self._ranks = ranks

    def poll(self) -> int | None:
        """0 when both have trained; waits for them, for nothing else happens here meanwhile."""
        if self.returncode is None:
            self.returncode = max(self._answer(rank) for rank in self._ranks)
        return self.returncode

    wait = poll

    def kill(self) -> None:
        for rank in self._ranks:
            rank.kill()

    def _answer(self, rank: "subprocess.Popen[str]") -> int:
        assert rank.stdout is not None
        answer = rank.stdout.readline()
        return int(answer) if answer else 1


@pytest.fixture(scope="session")
def two_ranks() -> Iterator[LastingRanks]:
    ranks = LastingRanks()
    yield ranks
    ranks.end()


@pytest.fixture
def lasting_ranks(two_ranks: LastingRanks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of two processes go to those that last."""
    monkeypatch.setattr(launch, "start_agent", two_ranks.start_agent)
