"""One process of a training: ``python -m plait.training.distributed.worker FOLDER``, by torchrun.

It reads what is to be trained from a folder and knows nothing of Hydra, DVC or MLflow.
"""

import fcntl
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from plait.artifacts import read_json, write_json
from plait.config.resolved import Resolved
from plait.errors import UserError, fault_of_machine
from plait.forkserver.torchmetrics_import import import_torchmetrics
from plait.garbage_collection import collect_rarely
from plait.json_types import Values
from plait.proof.stage import adopt
from plait.signals import is_termination
from plait.training.distributed.exchange import (
    CODE,
    CONTEXT,
    FAILURE,
    RESOLVED,
    STOP,
    lock_file,
    read_job,
    write_result,
)
from plait.training.job import DistributedContext
from plait.training.own_process import end_with_parent


def run(folder: Path, rank: int) -> int:
    """Train as one of the processes.

    :returns: the exit status; a failure also says why, in the folder.
    """
    try:
        adopt(folder / CODE, Resolved.read(folder / RESOLVED).name)
    except UserError as error:
        return _fail(folder, rank, error)
    import_torchmetrics()
    from plait.training.loop import train

    job = read_job(folder)
    raw = read_json(folder / CONTEXT)
    start = raw.pop("start")
    context = DistributedContext(**{**raw, "rank": rank, "stop_file": folder / STOP})
    from_checkpoint = None if start is None else job.checkpoints / start
    with lock_file(job.checkpoints) as lock:
        # Held until the process is gone, whatever it does then.
        fcntl.flock(lock, fcntl.LOCK_SH)
        try:
            trained = train(job, context, from_checkpoint)
            if rank == 0:
                write_result(trained, folder)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            return _fail(folder, rank, error)
    return 0


def _fail(folder: Path, rank: int, error: BaseException) -> int:
    """Leave word of why this process ends; status 0 where it was asked to."""
    told: Values = {"rank": rank, "at": time.time()}
    if is_termination(error):
        write_json(folder / f"{FAILURE}{rank}.json", {**told, "signal": "SIGTERM"})
        return 0
    if isinstance(error, SystemExit):
        return int(error.code or 0) if isinstance(error.code, int | None) else 1
    error = fault_of_machine(error) or error
    plain = isinstance(error, UserError)
    message = str(error) if plain else f"{type(error).__name__}: {error}"
    told |= {"plain": plain, "message": message, "traceback": traceback.format_exc()}
    write_json(folder / f"{FAILURE}{rank}.json", told)
    return 1


def main() -> None:
    """Be the process of one rank, as torchrun starts it."""
    collect_rarely()
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status = run(Path(sys.argv[1]), int(os.environ["RANK"]))
    sys.stdout.flush()
    sys.stderr.flush()
    # At once: the others may be in the middle of what this one no longer takes part in.
    os._exit(status)


if __name__ == "__main__":
    main()
