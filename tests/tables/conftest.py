"""A project of configuration alone, in which files are looked at."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from checkouts import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Its root."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    shutil.copy(ROOT / "requirements.lock", tmp_path / "requirements.lock")
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / "data/raw").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def put(project: Path) -> Callable[[str, pd.DataFrame | bytes], str]:
    """Write a file under data/raw/ and give its path."""

    def write(name: str, content: pd.DataFrame | bytes) -> str:
        path = project / "data/raw" / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif name.endswith(".parquet"):
            content.to_parquet(path)
        else:
            content.to_csv(path, index=False)
        return f"data/raw/{name}"

    return write
