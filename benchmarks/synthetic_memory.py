"""Peak resident memory of generating and writing synthetic rows: ``ROWS FEATURES`` (10 M x 20)."""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from plait.data.sources import synthetic
from plait.data.splits import Split
from plait.data.write import write

MEGABYTE = 1_000_000


def peak_memory() -> float:
    """The most memory that this process has held, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux ru_maxrss counts the process that started this one too; VmHWM does not.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / MEGABYTE
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE


def main() -> None:
    """Write the rows to a folder that is removed again; print one line of JSON."""
    rows, features = (int(word) for word in sys.argv[1:3] or ("10000000", "20"))
    split = Split(
        by="random",
        val=0.0,
        test=0.2,
        calibration=0.0,
        column=None,
        gap=0,
        folds=None,
        repeats=1,
    )
    settings = synthetic.Settings(
        samples=rows,
        features=features,
        informative=features,
        noise=0.1,
        bias=0.0,
        seed=0,
        split=split,
    )
    before, started = peak_memory(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        write(synthetic.read(settings, Path()), "synthetic", Path(folder))
        megabytes = sum(path.stat().st_size for path in Path(folder).iterdir()) / MEGABYTE
    seconds = time.perf_counter() - started
    result = {"rows": rows, "features": features, "file_mb": round(megabytes)}
    result |= {"start_mb": round(before), "peak_mb": round(peak_memory())}
    print(json.dumps(result | {"seconds": round(seconds, 1)}))


if __name__ == "__main__":
    main()
