"""How the files that pass between stages are written: whole or not at all."""

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

SIGNIFICANT_DIGITS = 8
"""Digits kept of the numbers in metrics files: more than an interval needs, too few for float
noise."""


def significant(value: float, digits: int = SIGNIFICANT_DIGITS) -> float:
    """``value`` rounded to so many significant digits; NaN and infinity unchanged."""
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else value


def write_text(path: Path, text: str) -> None:
    """Write ``path`` whole or not at all: beside it, flushed to disk, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON with the order of its keys kept. NaN is refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The value that `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
