"""One of several processes of a training: ``python -m plait.training.rank FOLDER``, by torchrun.

It reads what is to be trained from a folder and knows nothing of Hydra, DVC or MLflow.
"""

import fcntl
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from plait.artifacts import read_json, write_json, write_text
from plait.config.resolved import Resolved
from plait.errors import UserError, fault_of_machine
from plait.models.kinds import Shape
from plait.models.weights import read, write
from plait.proof.stage import adopt, hand_on
from plait.training.fit import Arrays, Task
from plait.training.gradient import models_of
from plait.training.processes import end_with_parent
from plait.training.stop_requests import is_termination

if TYPE_CHECKING:
    from plait.training.loop import Place, Trained

PLACE, EVENTS, STOP, DONE = "place.json", "epochs.jsonl", "stop", "done.json"
FAILURE, MEETING = "failed-", "meeting.json"
TARGETS, CODE = "targets", "code.json"


def folder_of(checkpoints: Path) -> Path:
    """Where the processes of an identity find their work, and leave it."""
    return checkpoints / "processes"


def hand_over(task: Task, place: "Place", start: Path | None) -> Path:
    """Write what the processes need, anew.

    :param start: the checkpoint that they go on from.
    :returns: the folder.
    """
    import numpy as np

    folder = folder_of(task.checkpoints)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_text(folder / "resolved.yaml", task.resolved.text())
    asked = {"devices": place.devices, "nodes": place.nodes, "strategy": place.strategy}
    write_json(folder / PLACE, {**asked, "start": None if start is None else start.name})
    for part in ("train", "val"):
        arrays: Arrays | None = getattr(task, part)
        if arrays is not None:
            packed = models_of(task.resolved).pack(arrays.features)
            for name, values in (*packed.items(), (TARGETS, arrays.targets)):
                np.save(folder / f"{part}-{name}.npy", values, allow_pickle=False)
    hand_on(folder / CODE)
    shape = task.shape
    write_json(
        folder / "task.json",
        {
            "shape": {"task": shape.task, "inputs": shape.inputs, "outputs": shape.outputs},
            "data": task.data,
            "checkpoints": str(task.checkpoints),
            "base": None if task.base is None else str(task.base),
        },
    )
    return folder


def take_over(folder: Path) -> Task:
    """Read what `hand_over` wrote. What is observed goes to `EVENTS`."""
    import numpy as np

    def arrays(part: str) -> Arrays | None:
        # Pages that nobody writes to are shared by all processes of a machine.
        packed = {
            path.stem.removeprefix(f"{part}-"): np.load(path, mmap_mode="c", allow_pickle=False)
            for path in folder.glob(f"{part}-*.npy")
        }
        if not packed:
            return None
        targets = packed.pop(TARGETS)
        return Arrays(models_of(resolved).unpack(packed), targets)

    def observe(epoch: int, values: dict[str, float]) -> None:
        with (folder / EVENTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch, "values": values}) + "\n")

    raw = read_json(folder / "task.json")
    resolved = Resolved.read(folder / "resolved.yaml")
    train = arrays("train")
    assert train is not None
    return Task(
        resolved,
        Shape(**raw["shape"]),
        train,
        arrays("val"),
        raw["data"],
        Path(raw["checkpoints"]),
        observe,
        None if raw["base"] is None else Path(raw["base"]),
    )


def give_back(trained: "Trained", folder: Path) -> None:
    """Leave the weights and curves; done is what has `DONE`."""
    write(trained.weights, folder)
    write_json(folder / DONE, {"curves": trained.curves})


def take_back(folder: Path) -> "Trained":
    """Read what `give_back` left."""
    from plait.training.loop import Trained

    return Trained(read(folder), read_json(folder / DONE)["curves"])


@contextmanager
def alone(checkpoints: Path, name: str) -> Iterator[None]:
    """Hold an identity's checkpoints against processes that an earlier training left behind.

    They die with their parent, but not in the same moment.
    """
    if not checkpoints.exists():
        yield
        return
    with _lock_file(checkpoints) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: waiting for processes of an earlier training", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock_file(checkpoints: Path) -> IO[str]:
    checkpoints.mkdir(parents=True, exist_ok=True)
    return (checkpoints / "processes.lock").open("a", encoding="utf-8")


def run(folder: Path, rank: int) -> int:
    """Train as one of the processes.

    :returns: the exit status; a failure also says why, in the folder.
    """
    try:
        adopt(folder / CODE, Resolved.read(folder / "resolved.yaml").name)
    except UserError as error:
        return _fail(folder, rank, error)
    from plait.training.loop import Place, train

    task = take_over(folder)
    raw = read_json(folder / PLACE)
    start = raw.pop("start")
    place = Place(**{**raw, "rank": rank, "stop_file": folder / STOP})
    from_checkpoint = None if start is None else task.checkpoints / start
    with _lock_file(task.checkpoints) as lock:
        # Held until the process is gone, whatever it does then.
        fcntl.flock(lock, fcntl.LOCK_SH)
        try:
            trained = train(task, place, from_checkpoint)
            if rank == 0:
                give_back(trained, folder)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            return _fail(folder, rank, error)
    return 0


def _fail(folder: Path, rank: int, error: BaseException) -> int:
    """Leave word of why this process ends; status 0 where it was asked to."""
    told: dict[str, Any] = {"rank": rank, "at": time.time()}
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
    """As torchrun starts it."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    status = run(Path(sys.argv[1]), int(os.environ["RANK"]))
    sys.stdout.flush()
    sys.stderr.flush()
    # At once: the others may be in the middle of what this one no longer takes part in.
    os._exit(status)


if __name__ == "__main__":
    main()
