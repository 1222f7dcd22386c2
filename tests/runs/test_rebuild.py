"""A recorded run made again by its own commit: identical, different, or why it can't be."""

import hashlib
import math
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from checkouts import ROOT, Checkout, copy_project
from plait.config.compose import Project
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.runs.rebuild.comparison import (
    INCOMPARABLE,
    SAME,
    TOLERANCE,
    UNRECORDED,
    Compared,
    Comparison,
    arrays_distance,
    compare,
    curve_distance,
    distance,
)
from plait.runs.rebuild.rebuild import compare_weights, rebuild
from plait.runs.rebuild.user_files import put_in_place
from plait.runs.worktree import has_commit, worktree
from plait.tracking.query.run import get_run
from plait.tracking.record.record import record
from plait.tracking.store.store import Store, open_store
from plait.workspace import Workspace
from tracking.outputs import write_outputs
from warm.start import warm_python

LINEAR = "linear_regression"
TREE = "own_tree"

EQUAL = Compared("weights", "d1", "d1", SAME)

SHOWN = {"test/mse": 0.25, "train/loss": 0.5}
HISTORY = {"test/mse": {0: 0.25}, "train/loss": {0: 1.0, 1: 0.5}}
FINALS = {"test/mse": 0.25}
CURVES = {"train/loss": {0: 1.0, 1: 0.5}}


def comparison(**changes: Any) -> Comparison:
    given: dict[str, Any] = {
        "shown": SHOWN,
        "history": HISTORY,
        "finals": FINALS,
        "curves": CURVES,
        "weights": EQUAL,
    }
    return compare(**given | changes)


def test_equal_numbers_and_weights_are_identical() -> None:
    same = comparison()
    assert same.verdict(0.0) == "identical"
    assert "train/loss: 2 points, largest difference 0" in same.table().splitlines()
    assert same.conclusion(TOLERANCE) == (
        "identical: all 1 numbers, all 2 points of curves and the weights are equal, bit for bit"
    )


NEXT = math.nextafter(0.25, 1.0)

SLIGHT = {
    "the number that the store shows": {"shown": SHOWN | {"test/mse": NEXT}},
    "its history": {"history": HISTORY | {"test/mse": {0: NEXT}}},
    "a point of a curve": {"history": HISTORY | {"train/loss": {0: 1.0, 1: 0.5000000000000001}}},
    "the last point that the store shows": {"shown": SHOWN | {"train/loss": 0.5000000000000001}},
    "the rebuilt number": {"finals": {"test/mse": NEXT}},
    "the weights": {"weights": Compared("weights", "d1", "d2", distance(1.0, 1.0000001))},
    "the digest alone": {"weights": Compared("weights", "d1", "d2", SAME)},
}


@pytest.mark.parametrize("case", SLIGHT)
def test_the_last_bit_of_anything_makes_it_not_identical(case: str) -> None:
    assert comparison(**SLIGHT[case]).verdict(TOLERANCE) == "within tolerance"
    if case != "the digest alone":
        assert comparison(**SLIGHT[case]).verdict(0.0) == "different"
        assert "float32" in comparison(**SLIGHT[case]).conclusion(TOLERANCE)


FAR = {
    "the number that the store shows": {"shown": SHOWN | {"test/mse": 0.2501}},
    "its history": {"history": HISTORY | {"test/mse": {0: 0.2501}}},
    "a point of a curve": {"history": HISTORY | {"train/loss": {0: 1.001, 1: 0.5}}},
    "the last point that the store shows": {"shown": SHOWN | {"train/loss": 0.6}},
    "a point too many": {"history": HISTORY | {"train/loss": {0: 1.0, 1: 0.5, 2: 0.5}}},
    "a point too few": {"history": HISTORY | {"train/loss": {1: 0.5}}},
    "a number too many": {"shown": SHOWN | {"test/bonus": 1.0}},
    "a number too few": {"finals": FINALS | {"test/mae": 0.1}},
    "not a number": {"shown": SHOWN | {"test/mse": math.nan}},
    "the weights": {"weights": Compared("weights", "d1", "d2", distance(1.0, 1.1))},
    "weights that can't be compared": {"weights": Compared("weights", "d1", "d2", INCOMPARABLE)},
}


@pytest.mark.parametrize("case", FAR)
def test_anything_beyond_the_tolerance_is_different_and_named(case: str) -> None:
    changed = comparison(**FAR[case])
    assert changed.verdict(TOLERANCE) == "different"
    conclusion = changed.conclusion(TOLERANCE)
    assert conclusion.startswith("different: ")
    assert re.search(r"test/|train/|weights", conclusion)


def test_weights_without_a_digest_are_judged_by_themselves() -> None:
    equal = comparison(weights=Compared("weights", UNRECORDED, "d2", SAME))
    assert equal.verdict(0.0) == "identical"
    other = comparison(weights=Compared("weights", UNRECORDED, "d2", distance(1.0, 1.1)))
    assert other.verdict(TOLERANCE) == "different"


def test_numbers_that_are_none_are_equal_to_themselves_alone() -> None:
    assert distance(math.nan, math.nan) == SAME
    assert distance(math.inf, sys.float_info.max) == SAME  # as MLflow stores it
    assert distance(math.inf, -math.inf).relative > 1
    assert distance(0.0, -0.0) == SAME
    assert distance(0.0, 1e-300).relative == 1.0
    assert distance(None, 0.0) == INCOMPARABLE
    assert distance(4.0, 5.0).relative == pytest.approx(0.2)
    assert curve_distance({}, {}) == SAME
    assert curve_distance({0: 1.0}, {1: 1.0}) == INCOMPARABLE


def test_arrays_are_as_far_apart_as_their_farthest_numbers() -> None:
    one = {"a": np.array([1.0, 1e-9]), "b": np.array([[math.nan, 2.0]])}
    assert arrays_distance(one, one) == SAME
    other = one | {"a": np.array([1.0, 2e-9])}
    assert arrays_distance(one, other).relative == pytest.approx(1e-9)
    assert arrays_distance(one, {"a": one["a"]}) == INCOMPARABLE
    assert arrays_distance(one, one | {"a": np.array([1.0])}) == INCOMPARABLE
    assert arrays_distance(one, one | {"b": np.array([[0.0, 2.0]])}) == INCOMPARABLE


def git(root: Path, *arguments: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ["git", "-C", str(root), *names, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A repository with one commit."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    root = tmp_path / "project"
    root.mkdir()
    (root / "code.py").write_text("x = 1\n")
    (root / ".gitignore").write_text(".plait/\nmlruns/\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    return Workspace.at(root)


def head(workspace: Workspace) -> str:
    return git(workspace.root, "rev-parse", "HEAD").strip()


def assert_no_trace(workspace: Workspace) -> None:
    """Neither of a worktree nor of what git knows of it."""
    folder = workspace.scratch / "rebuild"
    assert not folder.exists() or list(folder.iterdir()) == []
    assert len(git(workspace.root, "worktree", "list").splitlines()) == 1
    assert git(workspace.root, "status", "--porcelain") == ""


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_worktree_goes_away_whatever_happens(
    workspace: Workspace, error: type[BaseException] | None
) -> None:
    hook = workspace.root / ".git" / "hooks" / "post-checkout"
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)

    def use() -> None:
        with worktree(workspace, head(workspace), "a", b"") as tree:
            assert (tree / "code.py").read_text() == "x = 1\n"
            assert not (tree / "ran").exists()
            (tree / "code.py").write_text("edited\n")
            (tree / "left").touch()
            if error is not None:
                raise error

    if error is None:
        use()
    else:
        with pytest.raises(error):
            use()
    assert_no_trace(workspace)


KILLED = """
import os, sys
from pathlib import Path
from plait.workspace import Workspace
from plait.runs.worktree import has_commit, worktree
with worktree(Workspace.at(Path(sys.argv[1])), sys.argv[2], "killed", b"") as tree:
    print(tree, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_what_a_rebuild_that_was_killed_hard_left_is_removed_by_the_next(
    workspace: Workspace,
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(workspace.root), head(workspace)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (Path(killed.stdout.strip()) / "code.py").exists()
    with worktree(workspace, head(workspace), "b", b"") as tree:
        assert [path.name for path in tree.parent.iterdir() if path.is_dir()] == ["b"]
    assert_no_trace(workspace)


def test_two_rebuilds_of_one_run_do_not_meet(workspace: Workspace) -> None:
    with (
        worktree(workspace, head(workspace), "a", b"") as tree,
        pytest.raises(UserError, match="another process"),
        worktree(workspace, head(workspace), "a", b""),
    ):
        pass
    assert not tree.exists()


def md5(text: str) -> str:
    return f"md5:{hashlib.md5(text.encode()).hexdigest()}"


def with_tracked_file(workspace: Workspace, cache: Path | None = None) -> None:
    """Have DVC track data/raw/a.csv, and commit that."""
    root = workspace.root
    (root / "data" / "raw").mkdir(parents=True)
    (root / "data" / "raw" / "a.csv").write_text("a\n1\n")
    dvc(root, "init", "--quiet")
    if cache is not None:
        dvc(root, "cache", "dir", str(cache))
    dvc(root, "add", "--quiet", "data/raw/a.csv")
    git(root, "add", ".")
    git(root, "commit", "-qm", "data")


def dvc(root: Path, *arguments: str) -> None:
    subprocess.run([warm_python(), "-m", "dvc", *arguments], cwd=root, check=True)


def test_data_come_from_git_or_the_tree_if_they_are_still_the_same(
    workspace: Workspace, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    (tree / "data").mkdir(parents=True)
    (tree / "data" / "in_git.csv").write_text("1\n")
    (tree / "data" / "edited.csv").write_text("of the commit\n")
    (workspace.root / "data").mkdir()
    (workspace.root / "data" / "edited.csv").write_text("2\n")
    (workspace.root / "data" / "untracked.csv").write_text("3\n")
    files = {"in_git": "1\n", "edited": "2\n", "untracked": "3\n"}
    digests = {f"data/{name}.csv": md5(text) for name, text in files.items()}
    put_in_place(workspace.root, tree, digests)
    for name, text in files.items():
        assert (tree / "data" / f"{name}.csv").read_text() == text
    (workspace.root / "data" / "untracked.csv").write_text("edited since\n")
    (tree / "data" / "untracked.csv").unlink()
    with pytest.raises(UserError, match=r"data/untracked\.csv with digest md5:"):
        put_in_place(workspace.root, tree, digests)


@pytest.mark.slow
@pytest.mark.usefixtures("warm_children")
@pytest.mark.parametrize("configured", [False, True])
def test_data_come_from_the_cache(workspace: Workspace, tmp_path: Path, configured: bool) -> None:
    with_tracked_file(workspace, tmp_path / "cache" if configured else None)
    (workspace.root / "data" / "raw" / "a.csv").unlink()
    with worktree(workspace, head(workspace), "a", b"") as tree:
        put_in_place(workspace.root, tree, {"data/raw/a.csv": md5("a\n1\n")})
        assert (tree / "data" / "raw" / "a.csv").read_text() == "a\n1\n"
    assert_no_trace(workspace)


@pytest.mark.slow
@pytest.mark.usefixtures("warm_children")
def test_data_come_from_the_remote(workspace: Workspace, tmp_path: Path) -> None:
    with_tracked_file(workspace)
    root = workspace.root
    dvc(root, "remote", "add", "--local", "--default", "shared", str(tmp_path / "remote"))
    dvc(root, "push", "--quiet")
    (root / "data" / "raw" / "a.csv").unlink()
    shutil.rmtree(root / ".dvc" / "cache")
    with worktree(workspace, head(workspace), "a", b"") as tree:
        put_in_place(root, tree, {"data/raw/a.csv": md5("a\n1\n")})
        assert (tree / "data" / "raw" / "a.csv").read_text() == "a\n1\n"
    assert_no_trace(workspace)


@pytest.fixture(scope="module")
def composed() -> Resolved:
    """A configuration of today, and so of the packages that are here."""
    return Project(ROOT).compose(LINEAR)


@dataclass(frozen=True)
class Recorded:
    """A run in a store, which says of itself what the test has it say."""

    workspace: Workspace
    store: Store
    run_id: str

    def tag(self, **tags: str) -> None:
        for key, value in tags.items():
            name = {"commit": "mlflow.source.git.commit"}.get(key, f"plait.{key}")
            self.store.client.set_tag(self.run_id, name, value)

    def keep(self, path: str, text: str, scratch: Path) -> None:
        folder, _, name = path.rpartition("/")
        (scratch / name).write_text(text)
        self.store.client.log_artifact(self.run_id, str(scratch / name), folder)

    def refused(self) -> str:
        """Why it can't be rebuilt."""
        with pytest.raises(UserError) as refusal:
            rebuild(self.workspace, self.run_id, TOLERANCE)
        assert refusal.value.status == 2
        assert "plait.rebuild" not in self.store.client.get_run(self.run_id).data.tags
        assert_no_trace(self.workspace)
        return str(refusal.value)


@pytest.fixture
def recorded(workspace: Workspace) -> Recorded:
    """A finished run of a clean tree, with nothing but its commit."""
    store = open_store(workspace, "local", {})
    run_id = str(store.client.create_run(store.experiment("line")).info.run_id)
    store.client.set_terminated(run_id)
    run = Recorded(workspace, store, run_id)
    run.tag(commit=head(workspace), git_dirty="false", evaluation="e1", source_evaluation="e1")
    return run


def test_a_run_that_is_not_there_cannot_be_rebuilt(recorded: Recorded) -> None:
    for reference in ("nothing", "best", "0" * 32):
        with pytest.raises(UserError, match="no run") as refusal:
            rebuild(recorded.workspace, reference, TOLERANCE)
        assert refusal.value.status == 2


def test_a_tolerance_is_a_share(recorded: Recorded) -> None:
    for tolerance in (-1e-5, 1.0, math.nan):
        with pytest.raises(UserError, match="--tolerance") as refusal:
            rebuild(recorded.workspace, recorded.run_id, tolerance)
        assert refusal.value.status == 2


def test_an_unfinished_run_cannot_be_rebuilt(recorded: Recorded) -> None:
    recorded.store.client.set_terminated(recorded.run_id, "FAILED")
    assert "it is FAILED, and only a finished run" in recorded.refused()


def test_a_run_without_a_commit_that_is_here_cannot_be_rebuilt(recorded: Recorded) -> None:
    recorded.tag(commit="5" * 40)
    assert "commit 555555555555 is not in this repository: `git fetch`" in recorded.refused()
    recorded.store.client.delete_tag(recorded.run_id, "mlflow.source.git.commit")
    assert "it has no commit" in recorded.refused()


@pytest.mark.slow
def test_the_commit_of_a_run_outlives_its_branch(workspace: Workspace, composed: Resolved) -> None:
    """Squashed, rebased or amended away, and cleared away by git: the run is rebuilt from it."""
    outputs = write_outputs(workspace.root / "outputs", model="decision_tree")
    record(workspace, composed, outputs, lambda facts: {})
    of_the_run = head(workspace)
    (workspace.root / "code.py").write_text("x = 2\n")
    git(workspace.root, "add", ".")
    git(workspace.root, "commit", "-qm", "another")
    of_none = head(workspace)
    git(workspace.root, "checkout", "-q", "--orphan", "squashed")
    git(workspace.root, "commit", "-qm", "all in one")
    git(workspace.root, "branch", "-qD", git(workspace.root, "branch", "--list", "ma*").strip())
    git(workspace.root, "reflog", "expire", "--expire=now", "--all")
    git(workspace.root, "gc", "-q", "--prune=now")
    assert has_commit(workspace.root, of_the_run)
    assert not has_commit(workspace.root, of_none)


def test_a_dirty_run_without_its_patch_cannot_be_rebuilt(
    recorded: Recorded, composed: Resolved, tmp_path: Path
) -> None:
    recorded.keep("config/resolved.yaml", composed.text(), tmp_path)
    recorded.tag(git_dirty="true")
    assert "no patch of them was kept" in recorded.refused()
    recorded.tag(patch="too large")
    assert "no patch of them was kept (too large)" in recorded.refused()
    recorded.keep("code/uncommitted.patch", "diff of another training", tmp_path)
    recorded.tag(patch="0123456789abcdef")
    assert "no patch of them was kept" in recorded.refused()
    recorded.tag(patch=hashlib.sha256(b"diff of another training").hexdigest()[:16])
    assert "the patch does not apply to commit" in recorded.refused()


@pytest.mark.parametrize("path", ["src/plait/secret_sauce.yaml", "conf/tracking/.env"])
def test_a_run_whose_patch_lacks_source_cannot_be_rebuilt(
    recorded: Recorded, composed: Resolved, tmp_path: Path, path: str
) -> None:
    recorded.keep("config/resolved.yaml", composed.text(), tmp_path)
    without = f"notes/token.txt: may hold a secret\n{path}: may hold a secret"
    recorded.tag(git_dirty="true", patch="empty", patch_without=without)
    assert f"{path} was not committed, and not kept with the run: may hold" in recorded.refused()


def test_a_run_without_configuration_cannot_be_rebuilt(recorded: Recorded) -> None:
    assert "its artifacts are gone" in recorded.refused()
    recorded.tag(source_evaluation="e2")
    assert "trained again, and not measured since" in recorded.refused()


def test_a_run_of_other_packages_cannot_be_rebuilt(
    recorded: Recorded, composed: Resolved, tmp_path: Path
) -> None:
    packages = {"train": {"numpy": "1.0.0", "nothing-of-that-name": "2.0"}}
    other = Resolved({**composed.values, "packages": packages})
    recorded.keep("config/resolved.yaml", other.text(), tmp_path)
    refusal = recorded.refused()
    assert "nothing-of-that-name 2.0 (here none), numpy 1.0.0 (here " in refusal
    assert "requirements.lock" in refusal


def test_a_run_on_devices_that_are_not_here_cannot_be_rebuilt(
    recorded: Recorded, composed: Resolved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = {**composed.values["trainer"], "accelerator": "mps"}
    other = Resolved({**composed.values, "trainer": trainer})
    recorded.keep("config/resolved.yaml", other.text(), tmp_path)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert "trainer.accelerator: this machine has no mps; use auto" in recorded.refused()


@pytest.mark.slow
def test_a_run_without_its_lock_or_its_data_cannot_be_rebuilt(
    recorded: Recorded,
    composed: Resolved,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Other packages than those that compute are named; it fails at the data behind them."""
    files = {"data/raw/own.csv": md5("a\n")}
    recorded.keep(
        "config/resolved.yaml", Resolved({**composed.values, "files": files}).text(), tmp_path
    )
    assert "requirements.lock is missing" in recorded.refused()
    root = recorded.workspace.root
    (root / "requirements.lock").write_text("pytest==0.1\nnot-installed==1.0\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "two")
    recorded.tag(commit=head(recorded.workspace), devices="8 x NVIDIA H100")
    capsys.readouterr()
    assert (
        f"data/raw/own.csv with digest {files['data/raw/own.csv']} is neither" in recorded.refused()
    )
    said = capsys.readouterr().out
    assert re.search(
        r"(?m)^packages  that compute, as recorded; others differ: pytest 0\.1 \(here", said
    )
    assert "not-installed" not in said
    assert re.search(r"(?m)^devices   cpu, but it was trained on 8 x NVIDIA H100", said)


@pytest.mark.slow
def test_weights_whose_digest_is_another_are_compared_themselves(
    workspace: Workspace, composed: Resolved
) -> None:
    """By the logged network; of an estimator, by what it predicts."""
    for model, file in (("mlp", "weights.safetensors"), ("decision_tree", "predictions.parquet")):
        outputs = write_outputs(workspace.root / model, model=model)
        resolved = Resolved({**composed.values, "identity": model})
        store = open_store(workspace, "local", {})
        run_id = record(workspace, resolved, outputs, lambda facts: {}).run_id
        run = get_run(store, run_id)
        run.tags["plait.weights"] = "another"
        assert compare_weights(run, outputs).distance == SAME
        (path,) = (workspace.root / model).rglob(file)
        if model == "mlp":
            weights = load_file(path)
            name = next(name for name in weights if name.endswith("weight"))
            save_file(weights | {name: weights[name] * np.float32(1.001)}, path)
        else:
            frame = pd.read_parquet(path)
            frame.assign(prediction=frame["prediction"] * 1.001).to_parquet(path)
        found = compare_weights(run, outputs)
        assert found.distance.relative == pytest.approx(1e-3, rel=0.01)
        assert ("predictions" in found.name) == (model == "decision_tree")


def test_the_command_says_why_it_cannot_and_exits_2(shared_checkout: Checkout) -> None:
    said = shared_checkout.plait("rebuild", "nothing", check=False)
    assert said.returncode == 2
    assert said.stderr.startswith("plait: no run 'nothing'")


# From here on with real runs, which take a while.

SMALL: dict[str, object] = {
    "data": {"samples": 80},
    "optimizer": {"lr": 0.01},
    "trainer": {"max_epochs": 3},
    "evaluation": {"resamples": 20},
}
NAME = "samples=80 lr=0.01 max_epochs=3"
"""Of the run of `LINEAR`."""

EXPERIMENTS: dict[str, object] = {LINEAR: SMALL, TREE: {"evaluation": {"resamples": 20}}}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A network and a tree on a file of the user's, rebuilt, committed, and then broken."""
    checkout = copy_project(tmp_path_factory.mktemp("rebuild") / "a project")
    rows = "".join(f"{x},{(x * 7) % 5},{2 * x + (x * 7) % 5}\n" for x in range(60))
    checkout.append("data/raw/own.csv", f"a,b,y\n{rows}")
    checkout.append(
        f"conf/experiment/{TREE}.yaml",
        "# @package _global_\ndescription: A table of the user's own\n"
        "defaults:\n  - override /data: table\n  - override /model: decision_tree\n"
        "data: {path: data/raw/own.csv, target: y}\n",
    )
    checkout.run("dvc", "add", "--quiet", "data/raw/own.csv")
    checkout.list_experiments(EXPERIMENTS)
    checkout.commit("two small experiments")
    checkout.run("dvc", "repro")
    checkout.commit("what they gave")
    # What comes after the commit of a run has no part in it.
    build = 'def build(settings: Settings, shape: Shape) -> "nn.Module":\n'
    checkout.edit("src/plait/models/linear.py", build, build + "    raise RuntimeError('broken')\n")
    (checkout.root / "data" / "raw" / "own.csv").unlink()
    checkout.append("data/raw/own.csv", "another file\n")
    checkout.commit("broken since")
    return checkout


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str
    verdict: str | None


def ask_store(checkout: Checkout, *queries: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(checkout.root / "mlruns" / "mlflow.db")) as store, store:
        for query in queries:
            rows = store.execute(query).fetchall()
    return rows


def rebuilt(checkout: Checkout, reference: str, *options: str) -> Said:
    """What `plait rebuild` says of a run, given by its name, its worktree being gone afterwards."""
    before = checkout.run("git", "status", "--porcelain").stdout
    runs = ask_store(checkout, "SELECT run_uuid, end_time FROM runs")
    said = checkout.plait("rebuild", reference, *options, check=False)
    workspace = Workspace.at(checkout.root)
    assert list((workspace.scratch / "rebuild").iterdir()) == []
    assert len(checkout.run("git", "worktree", "list").stdout.splitlines()) == 1
    assert checkout.run("git", "status", "--porcelain").stdout == before
    assert ask_store(checkout, "SELECT run_uuid, end_time FROM runs") == runs
    tags = ask_store(
        checkout,
        "SELECT tags.value FROM tags JOIN tags AS own ON tags.run_uuid = own.run_uuid"
        f" WHERE tags.key = 'plait.rebuild' AND own.value = '{reference}'"
        " AND own.key = 'mlflow.runName'",
    )
    return Said(said.returncode, said.stdout, said.stderr, tags[0][0] if tags else None)


def today(verdict: str) -> str:
    return f"{verdict} ({time.strftime('%Y-%m-%d')})"


@pytest.mark.slow
@pytest.mark.parametrize(
    # A network whose tree was clean is rebuilt below too, once measured by a later commit.
    "name",
    [pytest.param(NAME, marks=pytest.mark.nightly), TREE],
)
def test_a_run_of_dvc_repro_is_rebuilt_identical(built: Checkout, name: str) -> None:
    said = rebuilt(built, name)
    assert said.err == ""
    assert_identical(said, "3 points" if name == NAME else "1 point")
    if name == TREE:
        assert "\ndata      as recorded: data/raw/own.csv\n" in said.out


def assert_identical(said: Said, points: str) -> None:
    assert (said.status, said.verdict) == (0, today("identical")), said.out + said.err
    assert re.search(r"(?m)^test/mse +\S+ +\S+  0$", said.out)
    assert f"\ntrain/loss: {points}, largest difference 0\n" in said.out
    assert re.search(r"(?m)^identical: all \d+ numbers, ", said.out)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("factor", "status", "verdict"),
    [
        (1.001, 1, "different"),
        # As `test_the_last_bit_of_anything_makes_it_not_identical` says without a run.
        pytest.param(1 + 1e-7, 0, "within tolerance", marks=pytest.mark.nightly),
    ],
)
def test_a_tampered_metric_is_found(
    built: Checkout, factor: float, status: int, verdict: str
) -> None:
    where = (
        "WHERE key = 'test/mse' AND run_uuid IN"
        f" (SELECT run_uuid FROM tags WHERE value = '{NAME}' AND key = 'mlflow.runName')"
    )
    before = ask_store(built, f"SELECT value FROM latest_metrics {where}")[0][0]
    tables = ("metrics", "latest_metrics")
    ask_store(built, *(f"UPDATE {table} SET value = value * {factor} {where}" for table in tables))
    said = rebuilt(built, NAME)
    ask_store(built, *(f"UPDATE {table} SET value = {before!r} {where}" for table in tables))
    assert said.status == status
    assert said.verdict == today(verdict)
    assert re.search(rf"(?m)^{verdict}: .*test/mse", said.out)


@pytest.mark.slow
def test_runs_of_a_dirty_tree_and_of_later_measurements_are_rebuilt(built: Checkout) -> None:
    """A patched model, trained with a secret lying about; then measured by a later commit."""
    built.run("git", "checkout", "--quiet", "-b", "patched", "main~1")
    built.run("dvc", "checkout", "--force")
    build = "bias=settings.bias)"
    built.edit("src/plait/models/linear.py", build, "bias=not settings.bias)")
    built.list_experiments({LINEAR: {**SMALL, "seed": 5}})
    built.append("src/plait/models/new_module.py", "ANSWER = 42\n")
    built.append("notes/.env", "PASSWORD=do-not-keep-me\n")
    built.run("dvc", "repro", f"record@{LINEAR}")
    run = f"{NAME} seed=5"
    kept = [path for path in (built.root / "mlruns").rglob("*") if path.is_file()]
    assert any(path.name == "uncommitted.patch" for path in kept)
    assert not [path for path in kept if b"do-not-keep-me" in path.read_bytes()]
    without = ask_store(built, "SELECT value FROM tags WHERE key = 'plait.patch_without'")
    assert without == [("notes/.env: may hold a secret",)]
    shutil.rmtree(built.root / "notes")

    built.commit("the edits, committed")
    measured = {**SMALL, "seed": 5, "evaluation": {"resamples": 30}}
    built.run("git", "reset", "--quiet", "--hard", "HEAD~1")
    said = rebuilt(built, run)
    assert (said.status, said.verdict) == (0, today("identical")), said.out + said.err
    assert "with its uncommitted changes" in said.out

    built.run("git", "reset", "--quiet", "--hard", "HEAD@{1}")
    built.list_experiments({LINEAR: measured})
    built.commit("measured otherwise")
    built.run("dvc", "repro", f"record@{LINEAR}")
    said = rebuilt(built, run)
    assert said.err == ""
    assert_identical(said, "3 points")
    assert "with its uncommitted changes" not in said.out
    built.run("git", "checkout", "--quiet", "--force", "main")


# Its changes are a patch, as those of a dirty tree above.
@pytest.mark.nightly
def test_a_run_of_a_dvc_experiment_in_a_temporary_copy_is_rebuilt(built: Checkout) -> None:
    built.run("git", "checkout", "--quiet", "--detach", "main~1")
    lr = f"experiments.{LINEAR}.optimizer.lr=0.02"
    built.run("dvc", "exp", "run", "--temp", "-S", lr, f"record@{LINEAR}")
    built.run("git", "checkout", "--quiet", "--force", "main")
    said = rebuilt(built, "samples=80 lr=0.02 max_epochs=3")
    assert (said.status, said.verdict) == (0, today("identical")), said.out + said.err
    assert "with its uncommitted changes" in said.out


@pytest.mark.slow
def test_a_trial_of_a_sweep_is_rebuilt(built: Checkout) -> None:
    """Of which MLflow keeps no model, as of all that are not the best one."""
    built.run("git", "checkout", "--quiet", "--detach", "main~1")
    sweep = ("run", "-m", f"experiment={LINEAR}", "optimizer.lr=0.0001")
    built.plait(*sweep, "sweep.keep_models=none")
    built.run("git", "checkout", "--quiet", "--force", "main")
    said = rebuilt(built, "samples=80 lr=0.0001 max_epochs=3")
    assert (said.status, said.verdict) == (0, today("identical")), said.out + said.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_interrupted_rebuild_leaves_nothing(built: Checkout, number: int, status: int) -> None:
    code = "from plait.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(built.root / "src")}
    environment.pop("DVC_ROOT", None)
    process = subprocess.Popen(
        [sys.executable, "-c", code, "rebuild", NAME],
        cwd=built.root,
        env=environment,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith(b"generate"):
        assert process.poll() is None
    time.sleep(1.0)
    # Ctrl-C reaches the stage that runs as well, a polite `kill` does not.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == status
    assert list((built.root / ".plait" / "rebuild").iterdir()) == []
    assert len(built.run("git", "worktree", "list").stdout.splitlines()) == 1
