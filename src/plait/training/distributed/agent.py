"""torchrun on this machine: ``python -m plait.training.distributed.agent FOLDER ARGUMENTS``.

It starts the ranks, ends them all when one dies, and dies with the process that started it.
"""

import logging
import os
import socket
import sys
import warnings
from pathlib import Path

from plait.artifacts import write_json
from plait.training.distributed.collectives import PARENT, end_with_parent

WORKER = "plait.training.distributed.worker"

DIED = "died-"
"""The start of the names of files in the folder that hold the exit status of a rank that failed;
negative for signals."""


def arguments(nodes: int, processes: int, meeting: str, key: str) -> list[str]:
    """torchrun's, for ``processes`` on each of ``nodes`` that meet at ``HOST:PORT``."""
    return [
        f"--nnodes={nodes}",
        f"--nproc-per-node={processes}",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={meeting}",
        f"--rdzv-id={key}",
        "--max-restarts=0",
    ]


def main() -> None:
    """Run the ranks of this machine to their end; exit with 1 if one failed."""
    end_with_parent()
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # What went wrong is told from the files that are left.
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    folder, *given = sys.argv[1:]
    os.environ[PARENT] = str(os.getpid())
    try:
        options = [*given, f"--log-dir={folder}/logs", "-m", WORKER, folder]
        torchrun.run(torchrun.parse_args(options))  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        statuses = {str(number): failure.exitcode for number, failure in error.failures.items()}
        write_json(Path(folder) / f"{DIED}{socket.gethostname()}-{os.getpid()}.json", statuses)
        sys.exit(1)


if __name__ == "__main__":
    main()
