"""`plait gc`: what must stay stays, what can go goes, and a second time there is nothing."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checkouts import Checkout
from plait.artifacts import write_json, write_text
from plait.config.resolved import Resolved
from plait.evaluation.notation import readable_size
from plait.runs.gc.report import gc
from plait.sweeps.trial_data import data_digest
from plait.tracking.live.journal import Journal
from plait.tracking.store.store import Store, open_store
from plait.workspace import Workspace
from tracking.conftest import forget, resolved

HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    open_store(Workspace(root, root), "local", {})
    return root


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty store in a folder that is no DVC repository."""
    workspace = Workspace(tmp_path, tmp_path)
    shutil.copytree(made / "mlruns", workspace.store)
    yield open_store(workspace, "local", {})
    forget(workspace)


def identity(number: int) -> str:
    return f"{number:032x}"


def configuration(number: int, **changes: Any) -> Resolved:
    """With data of its own."""
    given = {
        "identity": identity(number),
        "data": {"choice": "synthetic", "seed": number},
        "code": {"generate": "c0de"},
        "packages": {"generate": {}},
    }
    return resolved(**given | changes)


def plant_run(store: Store, number: int, status: str, *, verdict: bool = False) -> str:
    tags = {"plait.identity": identity(number)} | ({"plait.verdict": "Good."} if verdict else {})
    run = store.client.create_run(store.experiment("line"), 1000, tags)
    store.client.log_text(run.info.run_id, "content", "note.txt")
    if status != "RUNNING":
        store.client.set_terminated(run.info.run_id, status)
    return str(run.info.run_id)


def plant_states(store: Store) -> dict[str, int]:
    """Numbers of identities by what became of them."""
    plant_run(store, 1, "FINISHED", verdict=True)
    plant_run(store, 2, "FINISHED")
    plant_run(store, 3, "KILLED")
    store.client.delete_run(plant_run(store, 4, "FINISHED", verdict=True))
    store.client.delete_run(plant_run(store, 5, "FINISHED", verdict=True))
    plant_run(store, 5, "FAILED")
    plant_run(store, 7, "FINISHED", verdict=True)
    store.client.delete_run(plant_run(store, 8, "FINISHED", verdict=True))
    plant_sweep(store.workspace, "owed", [configuration(7)], finished=False)
    journal = Journal(store.workspace, identity(8))
    journal.append({"end": "FINISHED"})
    journal.close()
    return {
        **{"recorded": 1, "finished": 2, "killed": 3, "deleted": 4, "deleted and failed": 5},
        **{"never recorded": 6, "of an unfinished sweep": 7, "waiting in the journal": 8},
    }


def plant_sweep(workspace: Workspace, name: str, trials: list[Resolved], *, finished: bool) -> None:
    described = [
        {"identity": trial.identity, "experiment": "line", "data": data_digest(trial)}
        for trial in trials
    ]
    write_json(
        workspace.scratch / "sweeps" / f"{name}.json",
        {"name": name, "finished": finished, "trials": described},
    )


def plant_outputs(workspace: Workspace, number: int, **changes: Any) -> Path:
    folder = workspace.trial("line", identity(number))
    write_text(folder / "resolved.yaml", configuration(number, **changes).text())
    write_text(folder / "model" / "model.json", "{}")
    return folder


def plant_data(workspace: Workspace, number: int) -> Path:
    folder = workspace.trial_data(data_digest(configuration(number)))
    write_text(folder / "dataset.json", "{}")
    return folder


@contextlib.contextmanager
def held(lock: Path) -> Iterator[None]:
    """A living process holds a lock for as long as the block lasts."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.stdin.close()


def collect(workspace: Workspace, capsys: pytest.CaptureFixture[str], remove: bool) -> Any:
    assert gc(workspace, remove, as_json=True) == 0
    return json.loads(capsys.readouterr().out)


def check_gone(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], kind: str, gone: list[Path]
) -> Any:
    """A look shows just these and removes nothing; ``--yes`` removes them; then there is nothing.

    :returns: what the look said.
    """
    before = files(workspace)
    look = collect(workspace, capsys, remove=False)
    assert files(workspace) == before
    shown = {workspace.anchor / path for path in look["kinds"][kind]["garbage"]}
    assert shown == set(gone)
    assert (look["kinds"][kind]["garbage_bytes"] > 0) is bool(gone)
    assert collect(workspace, capsys, remove=True)["kinds"][kind] == look["kinds"][kind]
    for path in gone:
        assert not path.exists()
    again = collect(workspace, capsys, remove=False)
    assert [name for name, found in again["kinds"].items() if found["garbage"]] == []
    return look


def files(workspace: Workspace) -> list[Path]:
    """All but the database's own and DVC's, which a look may make and remove."""
    return sorted(
        path
        for path in workspace.root.rglob("*")
        if path.is_file()
        and path.suffix != ".lock"
        and not path.name.startswith("mlflow.db")
        and not path.is_relative_to(workspace.root / ".dvc" / "tmp")
    )


@pytest.mark.slow
def test_outputs_of_trials_go_once_they_are_recorded_or_unwanted(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = store.workspace
    states = plant_states(store)
    folders = {state: plant_outputs(workspace, number) for state, number in states.items()}
    write_text(workspace.root / "outputs" / "multirun" / "multirun.yaml", "{}")
    write_text(workspace.root / "outputs" / "line" / "mine" / "notes.txt", "mine")
    gone = [folders.pop("recorded"), folders.pop("deleted")]
    look = check_gone(workspace, capsys, "trial outputs", gone)
    assert [(folder / "model" / "model.json").exists() for folder in folders.values()] == [True] * 6
    assert (workspace.root / "outputs" / "multirun" / "multirun.yaml").exists()
    assert (workspace.root / "outputs" / "line" / "mine" / "notes.txt").exists()
    assert "Sweep owed is not finished" in "".join(look["notes"])


def test_checkpoints_go_unless_a_training_may_go_on_from_them(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = store.workspace
    states = plant_states(store) | {"listed": 9}
    write_text(workspace.resolved("line"), configuration(9).text())
    folders = {state: workspace.checkpoints(identity(n)) for state, n in states.items()}
    for folder in folders.values():
        write_text(folder / "last.ckpt", "weights")
    done = (
        "recorded",
        "finished",
        "of an unfinished sweep",
    )  # which is done, though its sweep isn't
    gone = [folders.pop(state) for state in (*done, "deleted", "never recorded")]
    check_gone(workspace, capsys, "checkpoints", gone)
    assert set(folders) == {"killed", "deleted and failed", "waiting in the journal", "listed"}
    assert all((folder / "last.ckpt").exists() for folder in folders.values())


@pytest.mark.slow
def test_event_files_go_with_their_run(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = store.workspace
    states = plant_states(store)
    folders = {s: workspace.store / "tensorboard" / "line" / identity(n) for s, n in states.items()}
    for folder in folders.values():
        write_text(folder / "events", "curve")
    gone = [folders.pop(state) for state in ("deleted", "never recorded")]
    check_gone(workspace, capsys, "TensorBoard files", gone)
    assert all((folder / "events").exists() for folder in folders.values())


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["locks/trial-{}.lock", "journal/{}.lock"])
def test_what_a_living_process_holds_stays(
    store: Store, capsys: pytest.CaptureFixture[str], lock: str
) -> None:
    workspace = store.workspace
    plant_run(store, 1, "FINISHED", verdict=True)
    outputs, checkpoints = plant_outputs(workspace, 1), workspace.checkpoints(identity(1))
    write_text(checkpoints / "last.ckpt", "weights")
    with held(workspace.scratch / lock.format(identity(1))):
        kinds = collect(workspace, capsys, remove=True)["kinds"]
        for kind, path in (("trial outputs", outputs), ("checkpoints", checkpoints)):
            assert (kinds[kind]["in_use"], kinds[kind]["garbage"]) == (1, [])
            assert path.exists()
    collect(workspace, capsys, remove=True)
    assert not outputs.exists()
    assert not checkpoints.exists()


@pytest.mark.slow
def test_trial_data_go_unless_a_trial_needs_them(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = store.workspace
    owed, running, generated, unneeded = (plant_data(workspace, number) for number in range(4))
    plant_sweep(workspace, "owed", [configuration(0)], finished=False)
    plant_sweep(workspace, "done", [configuration(3)], finished=True)
    plant_outputs(workspace, 1)
    torn = generated.with_name(f".{'0' * 32}.4711")
    write_text(torn / "train.parquet", "half")
    locks = workspace.scratch / "locks"
    trial, generation = (
        held(locks / f"trial-{identity(1)}.lock"),
        held(locks / f"data-{generated.name}.lock"),
    )
    with trial, generation:
        look = check_gone(workspace, capsys, "trial data", [unneeded, torn])
    assert look["kinds"]["trial data"]["in_use"] == 2
    assert all(folder.exists() for folder in (owed, running, generated))


@pytest.mark.slow
def test_logs_of_cluster_jobs_go_once_every_sweep_is_finished(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = store.workspace
    log, study = (
        workspace.scratch / "slurm" / "7_0_log.err",
        workspace.scratch / "searches" / "s.db",
    )
    write_text(log, "srun: error")
    write_text(study, "a study")
    plant_sweep(workspace, "s", [configuration(1)], finished=False)
    look = check_gone(workspace, capsys, "job logs", [])
    assert look["kinds"]["job logs"]["bytes"] == len("srun: error")
    assert look["kinds"]["searches"]["bytes"] == len("a study")
    plant_sweep(workspace, "s", [configuration(1)], finished=True)
    check_gone(workspace, capsys, "job logs", [log])
    assert study.exists()


@pytest.mark.slow
def test_no_trial_data_go_while_a_trial_has_not_said_what_it_needs(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = store.workspace
    data = plant_data(workspace, 1)
    with held(workspace.scratch / "locks" / f"trial-{identity(1)}.lock"):
        assert collect(workspace, capsys, remove=True)["kinds"]["trial data"]["garbage"] == []
    check_gone(workspace, capsys, "trial data", [data])


@pytest.mark.slow
def test_deleted_runs_go_with_their_models_unless_one_is_registered(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, workspace = store.client, store.workspace
    artifacts = workspace.store / "artifacts" / "line"
    runs, models = {}, {}
    for number, name in enumerate(("live", "deleted", "champion")):
        runs[name] = plant_run(store, number, "FINISHED", verdict=True)
        model = client.create_logged_model(
            store.experiment("line"), "line", source_run_id=runs[name]
        )
        write_text(artifacts / "models" / model.model_id / "artifacts" / "MLmodel", "flavors: {}")
        client.finalize_logged_model(model.model_id, "READY")
        models[name] = model
    client.create_registered_model("line")
    # MLflow looks for the model in its own idea of where the store is.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.backend.uri)
    client.create_model_version("line", f"models:/{models['champion'].model_id}")
    for name in ("deleted", "champion"):
        client.delete_run(runs[name])
    orphans = [artifacts / ("a" * 32), artifacts / "models" / "m-0123"]
    for orphan in orphans:
        write_text(orphan / "artifacts" / "note.txt", "nobody's")
    write_text(artifacts / "mine" / "note.txt", "mine")
    gone = [artifacts / runs["deleted"], artifacts / "models" / models["deleted"].model_id]
    check_gone(workspace, capsys, "MLflow artifacts", [*gone, *orphans])
    for name in ("live", "champion"):
        assert (artifacts / runs[name] / "artifacts" / "note.txt").exists()
        assert (artifacts / "models" / models[name].model_id / "artifacts" / "MLmodel").exists()
        assert client.get_logged_model(models[name].model_id).status.value == "READY"
    assert (artifacts / "mine" / "note.txt").exists()
    for ask, name in ((client.get_run, runs), (client.get_logged_model, models)):
        key: Any = name["deleted"]
        with pytest.raises(Exception, match="not found"):
            ask(key if isinstance(key, str) else key.model_id)
    assert client.get_run(runs["champion"]).info.lifecycle_stage == "deleted"


@pytest.mark.slow
def test_what_a_silent_server_may_know_stays(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    workspace = store.workspace
    plant_run(store, 1, "FINISHED", verdict=True)
    known = plant_outputs(workspace, 1)
    server = {"choice": "server", "uri": "http://127.0.0.1:9"}
    unknown = plant_outputs(workspace, 2, tracking=server)
    checkpoints = workspace.checkpoints(identity(3))
    write_text(checkpoints / "last.ckpt", "weights")
    look = check_gone(workspace, capsys, "trial outputs", [known])
    assert unknown.exists()
    assert checkpoints.exists()
    assert "http://127.0.0.1:9 does not answer" in "".join(look["notes"])


def test_what_an_interrupted_gc_left_goes(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = store.workspace
    halves = {
        kind: folder / f".gone-{identity(1)}"
        for kind, folder in (
            ("trial outputs", workspace.root / "outputs" / "line"),
            ("checkpoints", workspace.scratch / "checkpoints"),
            ("trial data", workspace.scratch / "data"),
        )
    }
    for half in halves.values():
        write_text(half / "half.json", "{}")
    kinds = collect(workspace, capsys, remove=True)["kinds"]
    for kind, half in halves.items():
        assert kinds[kind]["garbage"] == [str(half.relative_to(workspace.root))]
        assert not half.exists()


def test_the_table_reads_well(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = store.workspace
    write_text(workspace.checkpoints(identity(1)) / "last.ckpt", "0" * 1_234_567)
    for remove, end in (
        (False, "Nothing has been removed: `plait gc --yes` removes what can go."),
        (True, "total"),
        (True, "Nothing to remove."),
    ):
        gc(workspace, remove, as_json=False)
        text = capsys.readouterr().out
        rows = [line for line in text.splitlines() if line.startswith("checkpoints")]
        expected = "checkpoints           1.2 MB     1.2 MB   of trainings that nobody resumes: 1"
        assert rows == ([] if end.startswith("Nothing to") else [expected])
        assert (
            text.splitlines()[0].split()
            == ["size", "removed" if remove else "can go"][:1]
            + ("removed" if remove else "can go").split()
        )
        assert end in text
    assert [readable_size(size) for size in (0, 999, 1000, 25_000_000)] == [
        *("0 B", "999 B", "1.0 kB", "25.0 MB"),
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("warm_children")
def test_the_cache_keeps_what_history_and_the_tree_need(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [add(checkout, "on the branch")]
    checkout.commit()
    checkout.run("git", "checkout", "--quiet", "-b", "other")
    kept.append(add(checkout, "on another branch"))
    checkout.commit()
    checkout.run("git", "checkout", "--quiet", "main")
    gone = add(checkout, "nowhere any more")
    kept.append(add(checkout, "in the working tree"))
    check_gone(Workspace(checkout.root, checkout.root), capsys, "DVC cache", [gone])
    assert all(path.exists() for path in kept)


@pytest.mark.slow
@pytest.mark.usefixtures("warm_children")
def test_the_cache_is_left_alone_while_others_use_it(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(checkout.root, checkout.root)
    unneeded = add(checkout, "nowhere any more")
    add(checkout, "in the working tree")
    copy = checkout.root / ".dvc" / "tmp" / "exps" / "standalone" / "tmp1"
    copy.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=copy, stdin=subprocess.PIPE) as it:
        notes = collect(workspace, capsys, remove=True)["notes"]
        it.communicate(b"\n")
    assert "a DVC experiment is running" in "".join(notes)
    assert unneeded.exists()

    shared = checkout.root.parent / "shared"
    shutil.move(checkout.root / ".dvc" / "cache", shared)
    checkout.run("dvc", "cache", "dir", "--quiet", str(shared))
    notes = collect(workspace, capsys, remove=True)["notes"]
    assert "lies outside of the project" in "".join(notes)
    assert list(shared.rglob(unneeded.name))


def add(checkout: Checkout, content: str) -> Path:
    """Hand a file of this content to DVC; where its cache keeps it."""
    write_text(checkout.root / "data" / "raw" / "rows.csv", content)
    checkout.run("dvc", "add", "--quiet", "data/raw/rows.csv")
    digest = hashlib.md5(content.encode()).hexdigest()
    kept = checkout.root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    assert kept.exists()
    return kept


@pytest.mark.slow
def test_what_a_killed_rebuild_left_goes(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(checkout.root, checkout.root)
    folder = workspace.scratch / "rebuild"
    left, living = folder / "left", folder / "living"
    for tree in (left, living):
        checkout.run("git", "worktree", "add", "--quiet", "--detach", str(tree))
    with held(folder / "living.lock"):
        look = check_gone(workspace, capsys, "rebuilds", [left])
    assert look["kinds"]["rebuilds"]["in_use"] == 1
    listed = checkout.run("git", "worktree", "list").stdout
    assert str(living) in listed
    assert str(left) not in listed


@pytest.mark.slow
def test_after_gc_everything_is_up_to_date_and_can_be_checked_out(checkout: Checkout) -> None:
    small = {"evaluation": {"resamples": 20}}
    checkout.list_experiments({"least_squares": small})
    checkout.run("dvc", "repro")
    checkout.commit("least squares")
    checkout.run("dvc", "exp", "run", "--name", "larger", "-S", "+experiments.least_squares.seed=3")
    checkout.list_experiments({"least_squares": {**small, "data": {"samples": 500}}})
    checkout.run("dvc", "repro", "train@least_squares")
    checkout.run("git", "checkout", "--quiet", "--force", "HEAD")
    checkout.run("dvc", "checkout")
    checkout.run("dvc", "repro")  # the marks of `record` are in no cache
    said = checkout.plait("gc", "--yes").stdout
    assert "files that no commit, branch, tag or experiment names" in said
    assert "Nothing to remove." in checkout.plait("gc").stdout
    assert "up to date" in checkout.run("dvc", "repro").stdout
    shutil.rmtree(checkout.root / "results" / "least_squares" / "model")
    shutil.rmtree(checkout.root / "data" / "generated")
    checkout.run("dvc", "checkout")
    assert "up to date" in checkout.run("dvc", "status").stdout
    checkout.run("dvc", "exp", "apply", "larger")
    assert "up to date" in checkout.run("dvc", "status", "evaluate@least_squares").stdout
    assert os.listdir(checkout.root / "mlruns" / "artifacts") == ["least_squares"]
