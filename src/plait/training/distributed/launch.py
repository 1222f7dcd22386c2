"""A training by several processes: handed to torchrun, watched, and its results taken back.

The processes are no children of DVC, Hydra or MLflow: they get a folder with the resolved
configuration and the arrays, and leave the weights and curves there. This process records, holds
the identity's lock, and passes on what asks it to stop.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from plait.artifacts import read_json, write_json
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.json_types import Values, number_at, text_at
from plait.signals import TERMINATED, StopRequests
from plait.training.distributed import agent, exchange
from plait.training.job import DistributedContext, Trained, TrainingJob
from plait.training.own_process import PARENT, own_environment

BETWEEN_LOOKS = 0.05
"""Seconds until the processes are looked at again."""

TO_END = 60.0
"""Seconds that the processes have to end once one has failed or nobody wants the result."""


def train_in_processes(
    job: TrainingJob, context: DistributedContext, start: Path | None
) -> Trained:
    """`plait.training.loop.train` in ``context.world`` processes.

    :raises UserError: if one of them fails or dies; the next call goes on from the checkpoint.
    :raises SystemExit: with 143 when SIGTERM asked to stop.
    :raises KeyboardInterrupt: likewise for Ctrl-C.
    """
    name = job.resolved.name
    folder = exchange.write_job(job, context, start)
    endpoint = f"{socket.gethostname() if context.nodes > 1 else '127.0.0.1'}:{_free_port()}"
    meeting = agent.Meeting(context.nodes, context.devices, endpoint, secrets.token_hex(4))
    if context.nodes > 1:
        write_json(folder / exchange.RENDEZVOUS, asdict(meeting))
        more = f"{context.nodes - 1} more node{'s' if context.nodes > 2 else ''}"
        print(f"{name}: waits for {more}: run `plait join` there", flush=True)
    process = start_agent(folder, meeting)
    requests = StopRequests()
    events = _Events(folder / exchange.EVENTS)
    try:
        with requests.noted():
            while process.poll() is None:
                if requests.pending:
                    (folder / exchange.STOP).touch()
                for epoch, values in events.new():
                    job.observe(epoch, values)
                time.sleep(BETWEEN_LOOKS)
            for epoch, values in events.new():
                job.observe(epoch, values)
    except BaseException:
        # Nobody wants the result: a search prunes it, or the recording failed.
        _end(process, folder)
        raise
    finally:
        (folder / exchange.RENDEZVOUS).unlink(missing_ok=True)
    if (folder / exchange.DONE).exists():
        return exchange.read_result(folder)
    raise _failure(folder, name, context, process.returncode)


def start_agent(folder: Path, meeting: agent.Meeting) -> "subprocess.Popen[bytes]":
    """Start torchrun's agent for the processes of this machine."""
    threads = Resolved.read(folder / exchange.RESOLVED)["trainer.threads"]
    environment = {
        # DDP advises against what `plait.training.loop` has reason to ask of it.
        "TORCH_CPP_LOG_LEVEL": "ERROR",
        **own_environment(),
        PARENT: str(os.getpid()),
        "OMP_NUM_THREADS": str(threads),
    }
    return subprocess.Popen(
        [sys.executable, "-m", agent.__name__, str(folder), json.dumps(asdict(meeting))],
        env=environment,
        # Ctrl-C at the terminal is for this process, which passes it on.
        start_new_session=True,
    )


def join(places: Sequence[Path], patience: float) -> None:
    """Be a further node of a training that was started in this tree on another machine.

    :param places: where trainings keep their checkpoints, which both machines see.
    :param patience: seconds to wait for such a training.
    :raises UserError: if none comes, or this node's processes fail.
    """
    end = time.monotonic() + patience
    while not (
        meetings := [m for place in places for m in place.glob(f"**/{exchange.RENDEZVOUS}")]
    ):
        if time.monotonic() > end:
            raise UserError(
                f"no training waited for a node within {patience:g} s; start one with"
                " trainer.num_nodes=2 in this tree, on another machine"
            )
        time.sleep(BETWEEN_LOOKS)
    folder = min(meetings).parent
    name = Resolved.read(folder / exchange.RESOLVED).name
    print(f"{name}: this machine trains along", flush=True)
    process = start_agent(folder, agent.Meeting(**read_json(folder / exchange.RENDEZVOUS)))
    requests = StopRequests()
    with requests.noted():
        while process.poll() is None:
            if requests.pending:
                (folder / exchange.STOP).touch()
            time.sleep(BETWEEN_LOOKS)
    if process.returncode:
        raise UserError(f"{name}: the training failed; the machine that started it says why")


class _Events:
    """The epochs that the first process has told of."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def new(self) -> list[tuple[int, dict[str, float]]]:
        """Those that came since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [(event["epoch"], event["values"]) for event in map(json.loads, whole.splitlines())]


def _end(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    (folder / exchange.STOP).touch()
    try:
        process.wait(TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failure(folder: Path, name: str, context: DistributedContext, status: int) -> BaseException:
    """Why there is no result, as far as it can be told."""
    failures = [read_json(path) for path in sorted(folder.glob(f"{exchange.FAILURE}*.json"))]
    told: list[Values] = sorted(failures, key=lambda failure: number_at(failure, "at"))
    if told and told[0].get("signal") == "SIGTERM":
        return SystemExit(TERMINATED)
    died: dict[str, int] = {}
    for path in folder.glob(f"{agent.DIED}*.json"):
        died |= read_json(path)
    # SIGTERM is how the agent ends the others.
    killed = {n: code for n, code in died.items() if code < 0 and -code != signal.SIGTERM}
    if killed:
        number, code = next(iter(killed.items()))
        how = signal.Signals(-code).name
        memory = " (out of memory?)" if how == "SIGKILL" else ""
        return UserError(
            f"{name}: process {number} of {context.world} was killed by {how}{memory}, and the"
            " others were ended;\n  launched again, the training goes on from its last checkpoint"
        )
    if told:
        first = told[0]
        if not first["plain"]:
            print(first["traceback"], file=sys.stderr)
        where = "" if first["plain"] else f"process {first['rank']} of {context.world}: "
        return UserError(f"{name}: {where}{text_at(first, 'message').removeprefix(f'{name}: ')}")
    return UserError(
        f"{name}: the {context.world} processes of the training ended without a result"
        f" (exit status {status}); what they printed is above"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
