"""The process of one member: ``python -m plait.training.member_worker FOLDER``.

It reads what is to be trained from a folder and knows nothing of Hydra, DVC or MLflow.
"""

import os
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path

from plait.artifacts import read_json, write_json
from plait.config.resolved import Resolved
from plait.errors import UserError, fault_of_machine
from plait.garbage_collection import collect_rarely
from plait.proof.stage import adopt
from plait.signals import end_at_sigterm
from plait.training.members import Member, keep
from plait.training.own_process import end_with_parent
from plait.training.side_by_side import CODE, FAILURE, JOB, RESOLVED, ROWS, TRAIN, VAL


def run(folder: Path) -> int:
    """Train the member of a folder.

    :returns: the exit status; a failure also says why, beside the member's checkpoints.
    """
    import numpy as np

    own = read_json(folder / JOB)
    rows = folder / ROWS
    member = Member(
        own["title"],
        Resolved.read(folder / RESOLVED).handed_to("train"),
        Path(own["checkpoints"]),
        np.load(rows, allow_pickle=False) if rows.exists() else None,
    )
    failure = member.checkpoints / FAILURE
    failure.unlink(missing_ok=True)
    try:
        adopt(folder.parent / CODE, member.resolved.name)
        _see_one_device(member.resolved, own["number"])
        _train(member, folder.parent)
    except Exception as error:
        error = fault_of_machine(error) or error
        plain = isinstance(error, UserError)
        message = str(error) if plain else f"{type(error).__name__}: {error}"
        told = {"plain": plain, "message": message, "traceback": traceback.format_exc()}
        status = error.status if isinstance(error, UserError) else 1
        member.checkpoints.mkdir(parents=True, exist_ok=True)
        write_json(failure, {**told, "status": status})
        return status
    return 0


def _see_one_device(resolved: Resolved, number: int) -> None:
    """Of several GPUs see one alone, where training is by gradients and may use them."""
    if resolved["trainer.devices"] is None or resolved["trainer.accelerator"] in ("cpu", "mps"):
        return
    import torch

    # To count them does not begin CUDA, which looks at the variable when it does.
    count = torch.cuda.device_count()
    if count > 1:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[number % count]


def _train(member: Member, folder: Path) -> None:
    import pandas as pd

    from plait.data.dataset import Dataset
    from plait.training.fit import fit, prepare

    prepare(member.resolved)
    shared = read_json(folder / JOB)
    val = folder / VAL
    fitted = fit(
        member.resolved,
        replace(
            Dataset.read(folder),
            folder=None if shared["folder"] is None else Path(shared["folder"]),
        ),
        member.learnt(pd.read_parquet(folder / TRAIN)),
        pd.read_parquet(val) if val.exists() else None,
        checkpoints=member.checkpoints,
        # Whoever started this process tells of the epochs, once all members before have theirs.
        observe=lambda epoch, values: None,
        base=None if shared["base"] is None else Path(shared["base"]),
    )
    keep(member, *fitted)


def main() -> None:
    """Be the process of one member."""
    collect_rarely()
    end_with_parent()
    # Ctrl-C is passed on by the process that started this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_at_sigterm()
    sys.exit(run(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
