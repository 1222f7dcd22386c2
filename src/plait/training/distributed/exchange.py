"""What a training and its processes leave for each other, in a folder of the identity's own."""

import fcntl
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from plait.artifacts import read_json, write_json, write_text
from plait.config.resolved import Resolved
from plait.models.base import Shape
from plait.models.family import networks_of
from plait.models.weights import read, write
from plait.proof.stage import hand_on
from plait.tasks.registry import task_named
from plait.training.job import Arrays, DistributedContext, Trained, TrainingJob

CONTEXT, EVENTS, STOP, DONE = "place.json", "epochs.jsonl", "stop", "done.json"
FAILURE, RENDEZVOUS = "failed-", "meeting.json"
CODE, RESOLVED = "code.json", "resolved.yaml"


def folder_of(checkpoints: Path) -> Path:
    """Where the processes of an identity find their work, and leave it."""
    return checkpoints / "processes"


def write_job(job: TrainingJob, context: DistributedContext, start: Path | None) -> Path:
    """Write what the processes need, anew.

    :param start: the checkpoint that they go on from.
    :returns: the folder.
    """
    import numpy as np

    folder = folder_of(job.checkpoints)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_text(folder / RESOLVED, job.resolved.text())
    asked = {"devices": context.devices, "nodes": context.nodes, "strategy": context.strategy}
    write_json(folder / CONTEXT, {**asked, "start": None if start is None else start.name})
    for part in ("train", "val"):
        arrays: Arrays | None = getattr(job, part)
        if arrays is not None:
            packed = networks_of(job.resolved.choice("model")).pack(arrays.features)
            for name, values in (packed | arrays.arrays).items():
                np.save(folder / f"{part}-{name}.npy", values, allow_pickle=False)
    hand_on(folder / CODE)
    shape = job.shape
    write_json(
        folder / "job.json",
        {
            "shape": {
                "task": shape.task.name,
                "inputs": shape.inputs,
                "outputs": shape.outputs,
                "link": shape.link,
            },
            "data": job.data,
            "checkpoints": str(job.checkpoints),
            "base": None if job.base is None else str(job.base),
        },
    )
    return folder


def read_job(folder: Path) -> TrainingJob:
    """Read what `write_job` wrote. What is observed goes to `EVENTS`."""
    import numpy as np

    def arrays(part: str) -> Arrays | None:
        # Pages that nobody writes to are shared by all processes of a machine.
        packed = {
            path.stem.removeprefix(f"{part}-"): np.load(path, mmap_mode="c", allow_pickle=False)
            for path in folder.glob(f"{part}-*.npy")
        }
        if not packed:
            return None
        targets, weights = packed.pop("targets"), packed.pop("weights", None)
        return Arrays(networks_of(resolved.choice("model")).unpack(packed), targets, weights)

    def observe(epoch: int, values: dict[str, float]) -> None:
        with (folder / EVENTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch, "values": values}) + "\n")

    raw = read_json(folder / "job.json")
    resolved = Resolved.read(folder / RESOLVED)
    train = arrays("train")
    assert train is not None
    return TrainingJob(
        resolved,
        Shape(**raw["shape"] | {"task": task_named(raw["shape"]["task"])}),
        train,
        arrays("val"),
        raw["data"],
        Path(raw["checkpoints"]),
        observe,
        None if raw["base"] is None else Path(raw["base"]),
    )


def write_result(trained: Trained, folder: Path) -> None:
    """Write the trained weights, then the curves: a folder with `DONE` holds a whole result."""
    write(trained.weights, folder)
    write_json(folder / DONE, {"curves": trained.curves})


def read_result(folder: Path) -> Trained:
    """Read what `write_result` left."""
    return Trained(read(folder), read_json(folder / DONE)["curves"])


@contextmanager
def exclusive_lock(checkpoints: Path, name: str) -> Iterator[None]:
    """Hold an identity's checkpoints against processes that an earlier training left behind.

    They die with their parent, but not in the same moment.
    """
    if not checkpoints.exists():
        yield
        return
    with lock_file(checkpoints) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: waiting for processes of an earlier training", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def lock_file(checkpoints: Path) -> IO[str]:
    """The open file whose lock each process of a training shares."""
    checkpoints.mkdir(parents=True, exist_ok=True)
    return (checkpoints / "processes.lock").open("a", encoding="utf-8")
