"""The two commands of a fresh machine, in a fresh clone.

That they make an environment of their own, on a bare machine, is what `.ci/run` begins with.
"""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkouts import ROOT, Checkout, copy_project
from warm.start import warm_tools


def make(root: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    """``make`` as from a new login: nothing of this environment's tools on the path."""
    path = [part for part in os.environ["PATH"].split(os.pathsep) if ".venv" not in part]
    environment = {**os.environ, "PATH": os.pathsep.join(path)}
    for name in (
        *("VIRTUAL_ENV", "PYTHONPATH", "DVC_ROOT", "MAKEFLAGS", "MAKELEVEL", "SLOW", "PLAIT_FORK"),
    ):
        environment.pop(name, None)
    return subprocess.run(
        ["make", *targets], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_make_alone_lists_the_targets_a_line_each() -> None:
    lines = make(ROOT).stdout.splitlines()
    assert [line.split()[1] for line in lines] == [
        *("help", "repro", "test", "lint", "exactness", "fuzz", "ui", "lock", "clean"),
    ]
    assert all(len(line) < 100 for line in lines)


def test_the_lock_is_complete_and_exact() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(pinned) > 150
    for line in pinned:
        assert re.fullmatch(r"[a-z0-9._-]+==[^\s;]+( ; .+)?", line), line
    assert any("sys_platform" in line for line in pinned)


def locked(checkout: Checkout, which: str) -> dict[str, Any]:
    """The stages of a lock: of a file, or of a commit as ``git show`` names it."""
    text = (
        checkout.run("git", "show", which).stdout
        if ":" in which
        else (checkout.root / which).read_text(encoding="utf-8")
    )
    return dict(yaml.safe_load(text)["stages"])


def share_environment(root: Path) -> None:
    """Have a clone take this environment for its own; its code is found in the clone all the same.

    Installing one takes two minutes. Its commands are those of the warm server, where there is one.
    """
    tools = warm_tools()
    (root / ".venv" / "bin").mkdir(parents=True)
    for tool in Path(sys.executable).parent.iterdir():
        warm = tools / tool.name if tools is not None else tool
        (root / ".venv" / "bin" / tool.name).symlink_to(warm if warm.exists() else tool)
    (root / ".venv" / "installed").touch()
    installed = (root / ".venv" / "installed").stat().st_mtime
    for name in ("pyproject.toml", "requirements.lock", "requirements-data.txt"):
        os.utime(root / name, (installed - 1, installed - 1))


@pytest.mark.slow
def test_make_repro_in_a_fresh_clone_rebuilds_every_number(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    origin = copy_project(tmp_path_factory.mktemp("origin") / "project", keep_results=True)
    clone = Checkout(tmp_path_factory.mktemp("clone") / "project")
    origin.run("git", "clone", "--quiet", str(origin.root), str(clone.root))
    share_environment(clone.root)
    first = make(clone.root, "repro")
    assert first.returncode == 0, first.stdout + first.stderr
    said = first.stdout
    for name in ("linear_regression", "market", "breast_cancer", "review_sentiment"):
        assert re.search(rf"^{name} +(identical|\d of \d metrics differ, within the)", said, re.M)
    assert re.search(r"^least_squares +identical to the commit in all 4 metrics$", said, re.M)
    # On the CPU of the commit nothing has changed. On another it is the digests of trained models
    # and of what follows from them, as said; never the closed form's.
    changed = {line[3:] for line in clone.run("git", "status", "--porcelain").stdout.splitlines()}
    if changed:
        assert "dvc.lock" in changed
        assert all(re.fullmatch(r"dvc\.lock|results/\w+/metrics\.json", path) for path in changed)
        assert "\ndvc.lock has other bits than the commit's for results/" in said
        now, then = locked(clone, "dvc.lock"), locked(clone, "HEAD:dvc.lock")
        different = {stage for stage in then if now[stage] != then[stage]}
        assert different <= {
            f"{stage}@{name}"
            for stage in ("train", "calibrate", "evaluate", "record")
            for name in ("linear_regression", "market", "breast_cancer", "review_sentiment")
        }
    installed = (clone.root / ".venv" / "installed").stat().st_mtime_ns
    again = make(clone.root, "repro")
    assert again.returncode == 0
    assert "installing" not in again.stdout
    assert "Running stage" not in again.stdout
    assert (clone.root / ".venv" / "installed").stat().st_mtime_ns == installed


OTHER_CPU = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}
"""Torch's kernels for a CPU of another kind."""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names kernels of such CPUs")
def test_on_another_cpu_a_clone_holds_and_what_is_said_of_its_lock_helps(tmp_path: Path) -> None:
    origin, clone = copy_project(tmp_path / "origin"), Checkout(tmp_path / "clone")
    origin.list_experiments(
        {
            "linear_regression": {"trainer": {"max_epochs": 20}, "evaluation": {"resamples": 20}},
            "least_squares": {"evaluation": {"resamples": 20}},
        }
    )
    origin.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    origin.run("dvc", "repro")
    origin.commit("its results")
    origin.run("dvc", "push")
    origin.run("git", "clone", "--quiet", str(origin.root), str(clone.root))
    clone.run("dvc", "repro", env=OTHER_CPU)
    first, second, *told = clone.plait("verify").stdout.splitlines()
    assert re.match("linear_regression +(identical|. of 4 metrics differ, within)", first)
    assert re.match("least_squares +identical", second)
    # Three of its outputs are named; the model is one that differs.
    assert "results/linear_regression/" in told[0]
    now, then = locked(clone, "dvc.lock"), locked(clone, "HEAD:dvc.lock")
    left = [
        {out["path"]: out["md5"] for out in lock["train@linear_regression"]["outs"]}
        for lock in (now, then)
    ]
    assert left[0]["results/linear_regression/model"] != left[1]["results/linear_regression/model"]
    assert "least_squares" not in told[0]

    clone.run(*re.findall("`(git restore.*?)`", "\n".join(told))[0].split())
    clone.append("notes.txt", "of a commit that has nothing to do with it\n")
    clone.run("git", "add", "notes.txt")
    clone.run("git", "commit", "--quiet", "--message", "notes")
    assert clone.run("git", "show", "--name-only", "--format=", "HEAD").stdout == "notes.txt\n"
    assert "up to date" in clone.run("dvc", "status").stdout

    restore, pull = re.findall("`(git checkout.*?)`", "\n".join(told))[0].split(" && ")
    clone.run(*restore.split())
    clone.run(*pull.split())
    assert clone.run("git", "status", "--porcelain").stdout == ""
    assert "identical" in clone.plait("verify").stdout.splitlines()[0]
    again = clone.run("dvc", "repro", env=OTHER_CPU).stdout
    assert re.findall("Running stage '(.*?)'", again) in ([], ["record@linear_regression"])
    assert clone.run("git", "status", "--porcelain").stdout == ""
