"""The pipeline under DVC: rebuilt in a clone, elsewhere, again, by experiments, after a merge.

The tests share checkouts and leave each as they found it.
"""

import json
import re
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from checkouts import Checkout, copy_project

pytestmark = pytest.mark.slow

LINEAR = "linear_regression"
SOLVED = "least_squares"
STAGES = ("generate", "pretrain", "train", "calibrate", "evaluate", "record")

EXPERIMENTS: dict[str, object] = {
    LINEAR: {
        "data": {"samples": 80},
        "optimizer": {"lr": 0.01},
        "trainer": {"max_epochs": 2},
        "evaluation": {"resamples": 20, "plots": {"draw": True}},
    },
    SOLVED: {"data": {"samples": 90}, "evaluation": {"resamples": 20, "plots": {"draw": True}}},
}

LR = f"experiments.{LINEAR}.optimizer.lr"


def ran(output: str) -> list[str]:
    """The stages that DVC says it ran, in their order."""
    return re.findall(r"Running stage '([^']+)'", output)


def restore(checkout: Checkout) -> None:
    """Back to the commit, files and outs."""
    checkout.run("git", "reset", "--quiet", "--hard")
    checkout.run("git", "clean", "--quiet", "-fd")
    checkout.run("dvc", "checkout", "--force")


@contextmanager
def restored(checkout: Checkout) -> Iterator[None]:
    try:
        yield
    finally:
        restore(checkout)


def clone(checkout: Checkout, target: Path) -> Checkout:
    checkout.run("git", "clone", "--quiet", str(checkout.root), str(target))
    return Checkout(target)


def ask_store(checkout: Checkout, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(checkout.root / "mlruns" / "mlflow.db")) as store:
        return store.execute(query).fetchall()


@dataclass(frozen=True)
class StoredRun:
    run_id: str
    name: str
    status: str
    tags: dict[str, str]


def runs(checkout: Checkout) -> list[StoredRun]:
    """The store's runs, the oldest first."""
    listed = ask_store(checkout, "SELECT run_uuid, name, status FROM runs ORDER BY start_time")
    tags = ask_store(checkout, "SELECT run_uuid, key, value FROM tags")
    return [
        StoredRun(run_id, name, status, {key: value for run, key, value in tags if run == run_id})
        for run_id, name, status in listed
    ]


def by_dvc_experiment(checkout: Checkout) -> dict[str, StoredRun]:
    return {
        run.tags["plait.dvc_experiment"]: run
        for run in runs(checkout)
        if "plait.dvc_experiment" in run.tags
    }


def inventory(checkout: Checkout) -> dict[str, int]:
    """How much the store holds of everything."""
    tables = [
        table
        for (table,) in ask_store(checkout, "SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    counts = {table: ask_store(checkout, f"SELECT COUNT(*) FROM {table}")[0][0] for table in tables}
    files = (checkout.root / "mlruns" / "artifacts").rglob("*")
    return counts | {"files": sum(path.is_file() for path in files)}


def outs(checkout: Checkout) -> list[Path]:
    """Every file that a stage leaves for DVC or git, and the lock."""
    folders = ("data/generated", "results", "resolved", "mlruns/recorded")
    found = [path for folder in folders for path in (checkout.root / folder).rglob("*")]
    return [path for path in found if path.is_file()] + [checkout.root / "dvc.lock"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Two small experiments, rebuilt and committed. Its path has a space in it."""
    checkout = copy_project(tmp_path_factory.mktemp("pipeline") / "a project")
    checkout.list_experiments(EXPERIMENTS)
    checkout.commit("two small experiments")
    checkout.run("dvc", "repro")
    checkout.commit("what they gave")
    return checkout


@dataclass(frozen=True)
class Rebuilt:
    checkout: Checkout
    output: str
    warnings: str
    status: str
    verified: str


@pytest.fixture(scope="module")
def rebuilt(built: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Rebuilt:
    """A fresh clone of it, rebuilt without any cache."""
    checkout = clone(built, tmp_path_factory.mktemp("rebuilt") / "clone")
    repro = checkout.run("dvc", "repro")
    status = checkout.run("git", "status", "--porcelain").stdout
    return Rebuilt(checkout, repro.stdout, repro.stderr, status, checkout.plait("verify").stdout)


def test_a_fresh_clone_that_is_rebuilt_is_clean(rebuilt: Rebuilt) -> None:
    every = {f"{stage}@{name}" for stage in STAGES for name in EXPERIMENTS}
    # `compose` finds its own outputs in git. Nothing else has a cache to come from, but what two
    # experiments leave alike: that nothing was pretrained, and nothing calibrated.
    alike = {f"{stage}@{SOLVED}" for stage in ("pretrain", "calibrate")}
    assert set(ran(rebuilt.output)) - {"compose"} == every - alike
    assert rebuilt.status == ""


def test_a_pipe_is_told_nothing_but_the_stages(rebuilt: Rebuilt) -> None:
    assert rebuilt.warnings == ""


def test_plait_verify_calls_it_identical(rebuilt: Rebuilt) -> None:
    lines = rebuilt.verified.splitlines()
    assert [line.split()[0] for line in lines] == list(EXPERIMENTS)
    assert all("identical to the commit in all" in line for line in lines)


def test_outs_hold_nothing_of_the_run_that_made_them(built: Checkout, rebuilt: Rebuilt) -> None:
    for checkout in (built, rebuilt.checkout):
        commits = checkout.run("git", "rev-list", "--all").stdout.split()
        needles = [str(checkout.root), str(Path.home()), *commits]
        needles += [run.run_id for run in runs(checkout)]
        # Words that could stand in compressed bytes by chance are looked for in texts only.
        words = [socket.gethostname(), time.strftime("%Y-%m-%d")]
        pattern = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in words).encode())
        for path in outs(checkout):
            content = path.read_bytes()
            found = [needle for needle in needles if needle.encode() in content]
            if path.suffix in (".json", ".csv", ".yaml", ".lock"):
                found += [word.decode() for word in pattern.findall(content)]
            assert not found, path.relative_to(checkout.root)


def test_metrics_carry_a_sensible_number_of_digits(built: Checkout) -> None:
    for name in EXPERIMENTS:
        text = (built.root / "results" / name / "metrics.json").read_text(encoding="utf-8")
        for number in re.findall(r": (-?[\d.e+-]+)", text):
            digits = re.sub(r"e.*|[-.]", "", number).lstrip("0")
            assert len(digits) <= 8, text


def test_a_second_repro_does_nothing(built: Checkout) -> None:
    before = inventory(built)
    output = built.run("dvc", "repro").stdout
    assert ran(output) == []
    assert "Data and pipelines are up to date." in output
    assert inventory(built) == before
    assert before["runs"] == len(EXPERIMENTS)
    assert before["metrics"] > 0
    for name in EXPERIMENTS:
        assert built.plait("why", name).stdout.count("up to date") == len(STAGES)


def test_a_worktree_of_another_commit_runs_its_own_code(
    built: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree = Checkout(tmp_path_factory.mktemp("worktree") / "tree")
    built.run("git", "worktree", "add", "--quiet", "-b", "unbiased", str(tree.root))
    tree.run("dvc", "cache", "dir", "--local", str(built.root / ".dvc" / "cache"))
    tree.edit("src/plait/models/linear.py", "bias=settings.bias", "bias=False")
    tree.commit("a model without bias")
    tree.run("dvc", "repro", f"train@{LINEAR}")
    weights = f"results/{LINEAR}/model/weights.safetensors"
    assert b"bias" in (built.root / weights).read_bytes()
    assert b"bias" not in (tree.root / weights).read_bytes()
    # Its runs are in its own store, and of another identity, as its code is another.
    (run,) = runs(tree)
    assert run.tags["plait.identity"] not in {run.tags["plait.identity"] for run in runs(built)}


def test_an_experiment_in_a_temporary_copy_runs_its_code_and_lands_in_the_store(
    built: Checkout,
) -> None:
    build = 'def build(settings: Settings, shape: Shape) -> "nn.Module":\n'
    docstring = '    """(rows, inputs) to (rows,), or to (rows, classes)."""\n'
    before = runs(built)
    with restored(built):
        statement = '    print("this is", __file__)\n'
        built.edit("src/plait/models/linear.py", build + docstring, build + docstring + statement)
        report = (built.root / "mlruns" / "reports" / f"{LINEAR}.html").read_bytes()
        output = built.run(
            *("dvc", "exp", "run", "--temp", "--name", "fast", "-S", f"{LR}=0.1"),
            f"record@{LINEAR}",
        ).stdout
        edited = built.run("git", "status", "--porcelain").stdout
    assert ran(output) == ["compose", *(f"{stage}@{LINEAR}" for stage in STAGES[2:])]
    # Every stage that builds the model says so.
    (file,) = set(re.findall(r"this is (.+)", output))
    assert file.endswith("src/plait/models/linear.py")
    assert Path(file).is_relative_to(built.root / ".dvc" / "tmp" / "exps")
    # The run is in the checkout's store; the checkout's tree and pages are as they were.
    (run,) = [run for run in runs(built) if run not in before]
    assert run.status == "FINISHED"
    assert run.tags["plait.dvc_experiment"] == "fast"
    assert "lr=0.1" in run.name
    assert edited == " M src/plait/models/linear.py\n"
    assert (built.root / "mlruns" / "reports" / f"{LINEAR}.html").read_bytes() == report


@pytest.mark.nightly
def test_a_queue_with_two_workers_lands_in_the_store(built: Checkout) -> None:
    queued = built.run(
        *("dvc", "exp", "run", "--queue", "--name", "sweep", "-S", f"{LR}=0.2,0.3"),
        f"record@{LINEAR}",
    )
    assert queued.stdout.count("Queued experiment") == 2
    before = len(runs(built))
    built.run("dvc", "queue", "start", "--jobs", "2")
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            status = built.run("dvc", "queue", "status").stdout
            if status.count("Success") + status.count("Failed") == 2:
                break
            time.sleep(2)
        assert status.count("Success") == 2, status
    finally:
        built.run("dvc", "queue", "stop", "--kill")
    swept = by_dvc_experiment(built)
    assert len(runs(built)) == before + 2
    for name, rate in (("sweep-1", "lr=0.2"), ("sweep-2", "lr=0.3")):
        assert rate in swept[name].name
        assert swept[name].status == "FINISHED"
        assert "plait.error" not in swept[name].tags
    assert swept["sweep-1"].tags["plait.identity"] != swept["sweep-2"].tags["plait.identity"]
    assert built.run("git", "status", "--porcelain").stdout == ""

    table = built.run(
        *("dvc", "exp", "show", "--md", "--hide-workspace", "--only-changed"),
        *("--drop", r"(?!Experiment|experiments|.*test/rmse)"),
    ).stdout
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line
    ]
    assert header == ["Experiment", f"results/{LINEAR}/metrics.json:test/rmse", LR]
    shown = {re.sub(r".*\[(.*)\]", r"\1", row[0]): row[2] for row in rows}
    assert {"main": "0.01", "sweep-1": "0.2", "sweep-2": "0.3"}.items() <= shown.items()


@pytest.fixture(scope="module")
def experiment(rebuilt: Rebuilt) -> Iterator[Checkout]:
    """A checkout in which DVC has run an experiment with another batch size."""
    checkout = rebuilt.checkout
    key = f"experiments.{LINEAR}.batch_size"
    refused = checkout.run("dvc", "exp", "run", "-S", f"{key}=16", check=False)
    assert refused.returncode
    assert f"use +{key}=16" in refused.stderr
    checkout.run(
        "dvc", "exp", "run", "--name", "small_batches", "-S", f"+{key}=16", f"evaluate@{LINEAR}"
    )
    yield checkout
    restore(checkout)


def test_an_experiment_in_the_workspace_lands_in_the_store(experiment: Checkout) -> None:
    assert len(runs(experiment)) == len(EXPERIMENTS) + 1
    run = by_dvc_experiment(experiment)["small_batches"]
    assert run.status == "FINISHED"
    assert run.name.endswith("batch_size=16")


def test_metrics_of_an_experiment_are_shown_and_compared(experiment: Checkout) -> None:
    shown = json.loads(experiment.run("dvc", "metrics", "show", "--json").stdout)
    files = shown[""]["data"]
    assert set(files) == {f"results/{name}/metrics.json" for name in EXPERIMENTS}
    assert set(files[f"results/{SOLVED}/metrics.json"]["data"]) == {
        *("test/mse", "test/rmse", "test/mae", "test/r2")
    }
    table = experiment.run("dvc", "metrics", "diff").stdout
    assert f"results/{LINEAR}/metrics.json" in table
    assert SOLVED not in table  # it is as it was
    difference = json.loads(experiment.run("dvc", "metrics", "diff", "--json").stdout)
    mse = difference[f"results/{LINEAR}/metrics.json"]["test/mse"]
    assert mse["diff"] == pytest.approx(mse["new"] - mse["old"])
    assert mse["diff"] != 0


def test_parameters_of_an_experiment_are_compared(experiment: Checkout) -> None:
    difference = json.loads(experiment.run("dvc", "params", "diff", "--json").stdout)
    resolved = difference[f"resolved/{LINEAR}.yaml"]
    assert resolved["batch_size"] == {"old": 32, "new": 16, "diff": -16}
    assert set(resolved) == {"batch_size", "identity", "label"}
    assert set(difference) == {"params.yaml", f"resolved/{LINEAR}.yaml"}


def test_plots_show_curves_and_predictions(experiment: Checkout) -> None:
    experiment.run("dvc", "plots", "show")
    page = (experiment.root / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert f"Learning curves of {LINEAR}" in page
    assert f"Predicted against true, {SOLVED}" in page
    images = {path.name for path in (experiment.root / "dvc_plots" / "static").iterdir()}
    assert f"workspace_results_{LINEAR}_plots_residuals.png" in images
    assert "dvc_plots" not in experiment.run("git", "status", "--porcelain").stdout


def test_what_was_pushed_is_recorded_elsewhere_without_training(
    built: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("pulled")
    pulled = clone(built, folder / "clone")
    for checkout in (built, pulled):
        remote = str(folder / "remote")
        checkout.run("dvc", "remote", "add", "--local", "--default", "shared", remote)
    built.run("dvc", "push")
    pulled.run("dvc", "pull")
    assert set(ran(pulled.run("dvc", "repro").stdout)) == {f"record@{name}" for name in EXPERIMENTS}
    assert pulled.run("git", "status", "--porcelain").stdout == ""
    recorded = runs(pulled)
    assert {run.tags["plait.experiment"] for run in recorded} == set(EXPERIMENTS)
    for run in recorded:
        assert run.status == "FINISHED"
        assert run.tags["plait.restored"] == "true"
    identities = {run.tags["plait.identity"] for run in recorded}
    assert identities <= {run.tags["plait.identity"] for run in runs(built)}


def test_merged_branches_are_healed_without_training_again(
    built: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    checkout = clone(built, tmp_path_factory.mktemp("merged") / "clone")
    checkout.run("dvc", "cache", "dir", "--local", str(built.root / ".dvc" / "cache"))
    for branch, samples in (("few", 40), ("many", 120)):
        checkout.run("git", "checkout", "--quiet", "-b", branch, "main")
        source = checkout.root / "conf" / "experiment" / f"{SOLVED}.yaml"
        shutil.copy(source, source.with_name(f"{branch}.yaml"))
        checkout.append("params.yaml", f"  {branch}: {{data: {{samples: {samples}}}}}\n")
        assert f"train@{branch}" in ran(checkout.run("dvc", "repro", f"train@{branch}").stdout)
        checkout.commit(branch)

    assert checkout.run("git", "merge", "few", check=False).returncode
    conflicts = checkout.run("git", "diff", "--name-only", "--diff-filter=U").stdout.split()
    assert conflicts == ["dvc.lock", "params.yaml"]
    # What a user does: keep both lines of params.yaml, and either side of the lock.
    params = (checkout.root / "params.yaml").read_text(encoding="utf-8")
    both = re.sub(r"(?m)^(<{7}|={7}|>{7}).*\n", "", params)
    (checkout.root / "params.yaml").write_text(both, encoding="utf-8")
    checkout.run("git", "checkout", "--ours", "dvc.lock")
    train = [f"train@{name}" for name in (*EXPERIMENTS, "few", "many")]
    output = checkout.run("dvc", "repro", *train).stdout

    assert ran(output) == ["compose"]
    assert "'train@few' is cached" in output
    lock = yaml.safe_load((checkout.root / "dvc.lock").read_text(encoding="utf-8"))
    assert {"train@few", "train@many"} <= set(lock["stages"])
    resolved = {path.stem for path in (checkout.root / "resolved").iterdir()}
    assert resolved == {*EXPERIMENTS, "few", "many"}
    checkout.commit("merged")
    assert ran(checkout.run("dvc", "repro", *train).stdout) == []
    assert checkout.run("git", "status", "--porcelain").stdout == ""


def test_what_cannot_be_composed_says_the_same_under_dvc(built: Checkout) -> None:
    with restored(built):
        built.edit("params.yaml", "lr: 0.01", "lrr: 0.01")
        said = built.plait("compose", check=False)
        assert built.run("git", "status", "--porcelain").stdout == " M params.yaml\n"
        failed = built.run("dvc", "repro", check=False)
        changed = built.run("git", "status", "--porcelain").stdout
    assert said.returncode == 2
    assert "optimizer.lrr" in said.stderr
    assert failed.returncode
    assert failed.stderr.count(said.stderr.strip()) == 2, "of compose, and of its first stage"
    assert ran(failed.stdout) == ["compose", f"generate@{LINEAR}"]
    assert changed.split() == ["M", "dvc.lock", "M", "params.yaml", "M", f"resolved/{LINEAR}.yaml"]


def test_a_failing_stage_is_said_and_recorded_and_blocks_nothing(built: Checkout) -> None:
    with restored(built):
        built.edit("params.yaml", "lr: 0.01", "lr: 1000000.0")
        failed = built.run("dvc", "repro", f"train@{LINEAR}", check=False)
        locks = json.loads((built.root / ".dvc" / "tmp" / "rwlock").read_text(encoding="utf-8"))
        # The next command goes on at once.
        built.run("dvc", "status", f"train@{LINEAR}")
    assert not any(locks.values())
    assert failed.returncode
    ours, advice, theirs = failed.stderr.strip().splitlines()
    assert re.match(
        rf"plait: {LINEAR}: the loss is inf at step \d, epoch [01], on rows \d+, ", ours
    )
    assert advice.startswith("  training diverged; a smaller optimizer.lr")
    assert theirs.startswith(f"ERROR: failed to reproduce 'train@{LINEAR}'")
    run = runs(built)[-1]
    assert run.status == "FAILED"
    assert "the loss is inf at step" in run.tags["plait.error"]


def train_process(checkout: Checkout) -> psutil.Process | None:
    for process in psutil.process_iter():
        try:
            if "plait.pipeline.train" in process.cmdline() and process.cwd() == str(checkout.root):
                return process
        except psutil.Error:
            continue
    return None


def test_a_terminated_training_is_killed_and_completed_in_the_same_run(built: Checkout) -> None:
    epochs = 5000
    known = {run.run_id for run in runs(built)}
    command = ("dvc", "repro", f"train@{LINEAR}")
    with restored(built), ThreadPoolExecutor() as pool:
        built.edit("params.yaml", "max_epochs: 2", f"max_epochs: {epochs}")
        built.edit("params.yaml", "lr: 0.01", "lr: 0.0001")
        started = pool.submit(built.run, *command, check=False)
        journals = built.root / ".plait" / "journal"
        while not any('"epoch"' in path.read_text() for path in journals.glob("*.jsonl")):
            assert not started.done(), started.result()
            time.sleep(0.1)
        process = train_process(built)
        assert process is not None
        process.send_signal(signal.SIGTERM)
        terminated = started.result(timeout=60)
        assert terminated.returncode
        assert "exited with 143" in terminated.stderr
        (killed,) = [run for run in runs(built) if run.run_id not in known]
        assert killed.status == "KILLED"
        assert killed.tags["plait.error"] == "terminated (SIGTERM)"

        built.run(*command)
        (completed,) = [run for run in runs(built) if run.run_id not in known]
    assert completed.run_id == killed.run_id
    assert completed.status == "FINISHED"
    assert "plait.error" not in completed.tags
    points = ask_store(
        built,
        "SELECT COUNT(*), COUNT(DISTINCT step) FROM metrics"
        f" WHERE key = 'train/loss' AND run_uuid = '{completed.run_id}'",
    )
    assert points == [(epochs, epochs)]
