"""Several calls of ``benchmarks/identity_fuzz.py`` in one laboratory, whose making takes long.

Reads a line of JSON a call: a file for what it prints, and its arguments; answers its exit status.
"""

import json
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

from checkouts import ROOT
from identity import laboratory

sys.path.insert(0, str(ROOT / "benchmarks"))

import identity_fuzz


def main() -> int:
    """Enter the laboratory, and make the calls there, one after the other."""
    if laboratory.INSIDE not in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            return laboratory.enter([str(Path(__file__).resolve())], Path(folder))
    # The project, its store, and what was made again for one call serve the next.
    identity_fuzz.Field = cache(identity_fuzz.Field)
    calls, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    _redirect(os.open(os.devnull, os.O_RDONLY), 0)
    for line in calls:
        said, sys.argv[1:] = json.loads(line)
        # What is forked meanwhile prints there too.
        _redirect(os.open(said, os.O_WRONLY | os.O_CREAT), 1, 2)
        status = identity_fuzz.main()
        sys.stdout.flush()
        print(status, file=answers, flush=True)
    return 0


def _redirect(file: int, *streams: int) -> None:
    for stream in streams:
        os.dup2(file, stream)
    os.close(file)


if __name__ == "__main__":
    sys.exit(main())
