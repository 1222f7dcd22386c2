"""torchrun on this machine: ``python -m plait.training.distributed.agent FOLDER MEETING``.

It starts the ranks, ends them all when one dies, and dies with the process that started it.
"""

import json
import logging
import os
import socket
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from plait.artifacts import write_json
from plait.training.own_process import PARENT, end_with_parent

WORKER = "plait.training.distributed.worker"

DIED = "died-"
"""The start of the names of files in the folder that hold the exit status of a rank that failed;
negative for signals."""


@dataclass(frozen=True)
class Meeting:
    """What all agents of a training must agree on; ``MEETING`` is its JSON."""

    nodes: int
    processes: int
    """On each node."""
    endpoint: str
    """``HOST:PORT`` where they meet."""
    key: str
    """By which they know each other."""


def main() -> None:
    """Run the ranks of this machine to their end; exit with 1 if one failed."""
    end_with_parent()
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # What went wrong is told from the files that are left.
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    folder, meeting = sys.argv[1], Meeting(**json.loads(sys.argv[2]))
    os.environ[PARENT] = str(os.getpid())
    config = LaunchConfig(
        min_nodes=meeting.nodes,
        max_nodes=meeting.nodes,
        nproc_per_node=meeting.processes,
        rdzv_backend="c10d",
        rdzv_endpoint=meeting.endpoint,
        run_id=meeting.key,
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=f"{folder}/logs"),
    )
    try:
        elastic_launch(config, sys.executable)("-u", "-m", WORKER, folder)
    except ChildFailedError as error:
        statuses = {str(number): failure.exitcode for number, failure in error.failures.items()}
        write_json(Path(folder) / f"{DIED}{socket.gethostname()}-{os.getpid()}.json", statuses)
        sys.exit(1)


if __name__ == "__main__":
    main()
