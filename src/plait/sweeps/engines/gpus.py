"""The GPUs that trials on this machine may take."""

import os
import shutil
import subprocess
from itertools import takewhile


def gpus_here() -> list[str]:
    """Their names as ``CUDA_VISIBLE_DEVICES`` takes them; asked without loading torch."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        # As CUDA reads it: up to the first that can't be one.
        names = (name.strip() for name in allowed.split(","))
        return list(takewhile(lambda name: name not in ("", "-1"), names))
    if shutil.which("nvidia-smi") is None:
        return []
    answer = subprocess.run(
        ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.split() if answer.returncode == 0 else []
