"""Members trained in processes of their own, several at once.

A process is handed a folder with the parts, and one with what is the member's own; it leaves the
trained member where one that is trained in this process is kept, so that both give the same bytes.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plait.artifacts import read_json, write_json, write_text
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset
from plait.errors import UserError
from plait.json_types import Values, mapping_at
from plait.proof.stage import hand_on
from plait.signals import StopRequests
from plait.training.members import Member
from plait.training.own_process import PARENT, own_environment

if TYPE_CHECKING:
    import pandas as pd

WORKER = "plait.training.member_worker"

FOLDER, TRAIN, VAL, ROWS = "side_by_side", "train.parquet", "val.parquet", "rows.npy"
CODE, RESOLVED, JOB, FAILURE = "code.json", "resolved.yaml", "job.json", "failed.json"

BETWEEN_LOOKS = 0.05
"""Seconds until the processes are looked at again."""

TO_END = 60.0
"""Seconds that processes have to end once one has failed or nobody wants the result."""


def train_side_by_side(
    members: list[Member],
    workers: int,
    dataset: Dataset,
    train: "pd.DataFrame",
    val: "pd.DataFrame | None",
    *,
    checkpoints: Path,
    base: Path | None,
) -> list[Path]:
    """Train the members that are not done yet, ``workers`` at once, each in a process of its own.

    :param checkpoints: of the identity.
    :param base: as in `plait.training.job.TrainingJob`.
    :returns: where they are, once all are done.
    :raises UserError: naming the member that failed; the others are ended, and the next call goes
        on with those that are not done.
    :raises SystemExit: with 143 when SIGTERM asked to stop.
    :raises KeyboardInterrupt: likewise for Ctrl-C.
    """
    waiting = [member for member in members if not member.done.exists()]
    trained = [member.done for member in waiting]
    folder = checkpoints / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    train.to_parquet(folder / TRAIN)
    if val is not None:
        val.to_parquet(folder / VAL)
    dataset.write(folder)
    tables = None if dataset.folder is None else str(dataset.folder)
    write_json(folder / JOB, {"folder": tables, "base": None if base is None else str(base)})
    hand_on(folder / CODE)
    running: list[tuple[Member, subprocess.Popen[bytes]]] = []
    requests = StopRequests()
    try:
        with requests.noted():
            while (waiting and not requests.pending) or running:
                while waiting and len(running) < workers and not requests.pending:
                    member = waiting.pop(0)
                    running.append((member, _start(member, folder, members.index(member))))
                if requests.pending:
                    _ask_to_end(running)
                running = [each for each in running if each[1].poll() is None or _failed(*each)]
                time.sleep(BETWEEN_LOOKS)
    except BaseException:
        _end(running)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return trained


def _start(member: Member, folder: Path, number: int) -> "subprocess.Popen[bytes]":
    resolved = member.resolved
    print(f"{resolved.name}: {member.title}", flush=True)
    own = folder / str(number)
    own.mkdir()
    write_text(own / RESOLVED, _on_one_device(resolved).text())
    if member.rows is not None:
        np.save(own / ROWS, member.rows, allow_pickle=False)
    told: Values = {"title": member.title, "checkpoints": str(member.checkpoints), "number": number}
    write_json(own / JOB, told)
    environment = {
        **own_environment(),
        PARENT: str(os.getpid()),
        "OMP_NUM_THREADS": str(resolved["trainer.threads"]),
    }
    return subprocess.Popen(
        [sys.executable, "-m", WORKER, str(own)],
        env=environment,
        # Ctrl-C at the terminal is for this process, which passes it on.
        start_new_session=True,
    )


def _on_one_device(resolved: Resolved) -> Resolved:
    """The same for a process that sees one device alone; where it runs belongs to no identity."""
    trainer = mapping_at(resolved.values, "trainer")
    if trainer["devices"] is None:
        return resolved
    return Resolved({**resolved.values, "trainer": {**trainer, "devices": 1}}, resolved.stage)


def _failed(member: Member, process: "subprocess.Popen[bytes]") -> bool:
    """False of a process that has left its member.

    :raises UserError: of any other, but for one that was asked to end.
    """
    if member.done.exists() or process.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM):
        return False
    told = [each for each in (member.checkpoints / FAILURE,) if each.exists()]
    if not told:
        how = f"exit status {process.returncode}"
        if process.returncode < 0:
            how = f"killed by {signal.Signals(-process.returncode).name}"
            how += " (out of memory?)" if -process.returncode == signal.SIGKILL else ""
        raise member.fault(UserError(f"its process left no result ({how})"))
    failure = read_json(told[0])
    if not failure["plain"]:
        print(failure["traceback"], file=sys.stderr)
    raise member.fault(UserError(str(failure["message"]), int(failure["status"])))


def _ask_to_end(running: "list[tuple[Member, subprocess.Popen[bytes]]]") -> None:
    """Pass SIGTERM on: a training by gradients still writes its checkpoint."""
    for _, process in running:
        if process.poll() is None:
            process.terminate()


def _end(running: "list[tuple[Member, subprocess.Popen[bytes]]]") -> None:
    _ask_to_end(running)
    end = time.monotonic() + TO_END
    for _, process in running:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
