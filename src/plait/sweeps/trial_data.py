"""Data of trials: generated once for each digest of what generation reads, shared by all."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from plait import digests
from plait.config.resolved import Resolved
from plait.contents import Contents
from plait.locks import lock_named
from plait.pipeline.stages import STAGES
from plait.proof.receipts import is_left_by
from plait.state import State
from plait.workspace import Outputs, Workspace


def data_digest(resolved: Resolved) -> str:
    """The digest of everything that stage `generate` reads for these values."""
    read = {key: resolved[key] for key in STAGES["generate"].keys}
    return digests.of_values(read)


def trial_data(
    workspace: Workspace, resolved: Resolved, generate: Callable[[Outputs], None]
) -> Path:
    """The folder of a trial's data: the one there is, or generated now.

    Many processes may want it at once: one generates, the others wait for it. A folder that is
    there is whole. `plait gc` keeps what a trial needs that holds its own lock.

    :param generate: writes the data into the empty folder that it is given, and a receipt.
    """
    digest, contents = data_digest(resolved), Contents(State.of(workspace))
    data = workspace.trial_data(digest)
    with data_lock(workspace, digest):
        outputs = _outputs(workspace, data, digest)
        if data.exists() and not is_left_by(contents, resolved, "generate", outputs):
            # Somebody has edited it.
            shutil.rmtree(data)
        if not data.exists():
            # Under this lock, others can only be what a process left that was killed.
            for leftover in data.parent.glob(f".{digest}.*"):
                shutil.rmtree(leftover)
            unfinished = data.with_name(f".{digest}.{os.getpid()}")
            unfinished.mkdir(parents=True)
            generate(_outputs(workspace, unfinished, digest))
            for file in unfinished.iterdir():
                with file.open("rb") as written:
                    os.fsync(written.fileno())
            os.replace(unfinished, data)
    return data


def _outputs(workspace: Workspace, data: Path, digest: str) -> Outputs:
    return Outputs(data, data, data_receipts=workspace.trial_receipts(digest))


def data_lock(workspace: Workspace, digest: str) -> FileLock:
    """Held while data of a digest are looked for, made or removed."""
    return lock_named(workspace, f"data-{digest}")
