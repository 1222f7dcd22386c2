"""The two commands of a fresh machine, in a fresh clone with a fresh environment."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from checkouts import ROOT, Checkout, copy_project


def make(root: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    """``make`` as from a new login: nothing of this environment's tools on the path."""
    path = [part for part in os.environ["PATH"].split(os.pathsep) if ".venv" not in part]
    environment = {**os.environ, "PATH": os.pathsep.join(path)}
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "DVC_ROOT", "MAKEFLAGS", "MAKELEVEL", "SLOW"):
        environment.pop(name, None)
    return subprocess.run(
        ["make", *targets], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_make_alone_lists_the_targets_a_line_each() -> None:
    lines = make(ROOT).stdout.splitlines()
    assert [line.split()[1] for line in lines] == [
        *("help", "repro", "test", "lint", "exactness", "ui", "lock", "clean"),
    ]
    assert all(len(line) < 100 for line in lines)


def test_the_lock_is_complete_and_exact() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(pinned) > 150
    for line in pinned:
        assert re.fullmatch(r"[a-z0-9._-]+==[^\s;]+( ; .+)?", line), line
    assert any("sys_platform" in line for line in pinned)


@pytest.mark.slow
def test_make_repro_in_a_fresh_clone_rebuilds_every_number(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    origin = copy_project(tmp_path_factory.mktemp("origin") / "project", keep_results=True)
    clone = Checkout(tmp_path_factory.mktemp("clone") / "project")
    origin.run("git", "clone", "--quiet", str(origin.root), str(clone.root))
    first = make(clone.root, "repro")
    assert first.returncode == 0, first.stdout + first.stderr
    verdicts = first.stdout.splitlines()[-5:]
    for name, line in zip(
        ("linear_regression", "least_squares", "market", "breast_cancer", "review_sentiment"),
        verdicts,
        strict=True,
    ):
        assert re.match(rf"{name} +(identical|largest relative difference)", line), line
    if all("identical" in line for line in verdicts):
        assert clone.run("git", "status", "--porcelain").stdout == ""
    installed = (clone.root / ".venv" / "installed").stat().st_mtime_ns
    again = make(clone.root, "repro")
    assert again.returncode == 0
    assert "installing" not in again.stdout
    assert "Running stage" not in again.stdout
    assert (clone.root / ".venv" / "installed").stat().st_mtime_ns == installed
