"""A run completed from the stages' outputs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import DatasetInput
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST

import plait.tracking.query.load
import plait.tracking.record.record
from checkouts import WITHOUT_PICKLE, WITHOUT_PLAIT
from plait.artifacts import write_json
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.models.trained import TrainedModel
from plait.signals import end_at_sigterm
from plait.tracking.live.delivery import deliver_journals
from plait.tracking.live.journal import Journal, journals
from plait.tracking.live.live import LiveRun
from plait.tracking.query.load import load
from plait.tracking.record.numbers import metric_name
from plait.tracking.record.record import Recorded, record
from plait.tracking.runs import add_parameters
from plait.tracking.store.backend import TRAINING_VIEWS
from plait.tracking.store.reaper import reap
from plait.tracking.store.store import Store, open_store
from plait.workspace import Outputs, Workspace

from .conftest import VALUES, points, resolved
from .outputs import frame, write_outputs
from .test_live import locked, train
from .test_reaper import a_free_pid

CURVES = [(0, 1.0), (1, 0.5), (2, 0.25)]


def page(workspace: Workspace, facts: dict[str, str]) -> dict[str, Path]:
    path = workspace.root / "line.html"
    path.write_text(json.dumps(facts))
    return {"line.html": path}


def recorded(workspace: Workspace, outputs: Outputs, configuration: Resolved) -> Recorded:
    return record(workspace, configuration, outputs, lambda facts: page(workspace, facts))


def contents(store: Store, run_id: str) -> dict[str, Any]:
    """Everything that a run holds."""
    run = store.client.get_run(run_id)
    files = {}
    folder = Path(run.info.artifact_uri)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            files[str(path.relative_to(folder))] = path.read_bytes()
    return {
        "params": run.data.params,
        "points": {key: points(store, run_id, key) for key in run.data.metrics},
        "tags": run.data.tags,
        "datasets": [d.dataset.to_dictionary() for d in run.inputs.dataset_inputs],
        "models": [m.model_id for m in run.outputs.model_outputs],
        "files": files,
        "status": run.info.status,
        "end": run.info.end_time,
    }


@pytest.fixture(scope="module")
def done(
    made_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workspace, Outputs, Recorded]]:
    """A network's outputs, recorded once where there was no live run."""
    workspace = Workspace.at(tmp_path_factory.mktemp("done"))
    shutil.copytree(made_store / "mlruns", workspace.store)
    outputs = write_outputs(workspace.root)
    (workspace.root / "params.yaml").write_text("experiments: {}\n")
    return workspace, outputs, recorded(workspace, outputs, resolved())


def test_a_missing_run_is_made_from_the_outputs_and_marked(
    done: tuple[Workspace, Outputs, Recorded],
) -> None:
    workspace, _, run = done
    assert run.created
    assert not run.differences
    store = open_store(workspace, "local", {})
    found = contents(store, run.run_id)
    assert found["status"] == "FINISHED"
    assert found["params"] == {key: str(v) for key, v in resolved().parameters().items()}
    assert found["points"] == {
        "train/loss": CURVES,
        "val/loss": [(0, 2.0), (2, 0.5)],
        "test/mse": [(0, 0.25)],
        "test/r2": [(0, 0.9)],
        "test_interval/mse_low": [(0, 0.2)],
        "test_interval/mse_high": [(0, 0.3)],
        "test_naive/mse": [(0, 3.0)],
        "test_baseline/ols": [(0, 0.1)],
    }
    tags = found["tags"]
    assert tags["plait.restored"] == "true"
    assert tags["plait.verdict"] == "Better than predicting zero."
    assert tags["plait.better_than_naive"] == "true"
    assert tags["mlflow.runName"] == "lr=0.1"
    assert tags["mlflow.source.name"] == "src/plait/pipeline/record.py"
    (dataset,) = found["datasets"]
    assert (dataset["name"], dataset["digest"]) == ("synthetic", "d" * 12)
    assert json.loads(dataset["source"]) == {"uri": "data/generated/line"}
    assert found["files"].keys() == {
        "config/resolved.yaml",
        "plots/residuals.png",
        "report/line.html",
        "results/curves.csv",
        "results/evaluation.json",
        "results/metrics.json",
        "results/predictions.parquet",
    }
    assert Resolved.read(Path(load("line", workspace.root).artifact("config/resolved.yaml") or ""))
    facts = json.loads(found["files"]["report/line.html"])
    assert list(facts)[:2] == ["run", "run_link"]
    assert facts["run_link"] == load("line", workspace.root).address
    assert facts["run_link"].startswith("http://127.0.0.1:5000/#/experiments/")
    assert facts["run_link"].endswith(f"/runs/{run.run_id}?{TRAINING_VIEWS}")


def test_recording_again_adds_nothing(done: tuple[Workspace, Outputs, Recorded]) -> None:
    workspace, outputs, run = done
    store = open_store(workspace, "local", {})
    before = contents(store, run.run_id)
    again = recorded(workspace, outputs, resolved())
    assert again == Recorded(run.run_id, False, ())
    assert contents(store, run.run_id) == before
    (experiment,) = {r.info.experiment_id for r in store.runs("")}
    assert len(store.client.search_logged_models([experiment])) == 1


def test_the_run_that_was_trained_live_is_completed(workspace: Workspace) -> None:
    outputs = write_outputs(workspace.root, "classification", "decision_tree")
    train(workspace, resolved(), [1.0, 0.5])
    run = recorded(workspace, outputs, resolved())
    assert not run.created
    store = open_store(workspace, "local", {})
    found = contents(store, run.run_id)
    assert found["points"]["train/loss"] == CURVES
    assert found["tags"]["plait.devices"] == "1 x cpu"
    assert "plait.restored" not in found["tags"]
    assert "1 x cpu" in json.loads(found["files"]["report/line.html"])["cost"]


@pytest.mark.slow
def test_a_run_that_is_being_completed_is_not_taken_for_dead(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that trained it has ended; another one opens the store meanwhile."""
    outputs = write_outputs(workspace.root, model="decision_tree")
    train(workspace, resolved(), [1.0, 0.5, 0.25])
    store = open_store(workspace, "local", {})
    run = store.find_run(resolved().identity)
    assert run is not None
    store.client.set_tag(run.info.run_id, "plait.pid", a_free_pid())
    log_model = plait.tracking.record.record.log_model

    def while_others_look(*arguments: Any) -> Any:
        assert reap(store) == []
        return log_model(*arguments)

    monkeypatch.setattr(plait.tracking.record.record, "log_model", while_others_look)
    recorded(workspace, outputs, resolved())
    found = contents(store, run.info.run_id)
    assert found["status"] == "FINISHED"
    assert "plait.error" not in found["tags"]


def test_numbers_that_differ_are_tagged_and_told(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")
    train(workspace, resolved(), [1.0, 0.4])
    run = recorded(workspace, outputs, resolved())
    line = "train/loss at step 1: 0.4 recorded, 0.5 now"
    assert line in run.differences
    assert run.differences
    assert line in capsys.readouterr().out
    tags = open_store(workspace, "local", {}).client.get_run(run.run_id).data.tags
    assert line in tags["plait.differences"]


def test_a_parameter_that_is_too_long_is_kept_as_its_digest(workspace: Workspace) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")
    long = {"choice": "table", "features": [f"column {number}" for number in range(1000)]}
    run = recorded(workspace, outputs, resolved(data=long))
    params = open_store(workspace, "local", {}).client.get_run(run.run_id).data.params
    assert params["data.features"].startswith("sha256:")
    assert len(params["data.features"]) == 71


def test_a_journal_that_waits_is_sent_first(workspace: Workspace) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")
    journal = Journal(workspace, resolved().identity)
    tags = {"plait.identity": resolved().identity, "plait.devices": "2 x cuda"}
    journal.append({"begin": {"resolved": resolved().values, "tags": tags}, "at": 1000})
    journal.append({"epoch": 0, "values": {"train/loss": 1.0}, "at": 2000})
    journal.append({"end": "FINISHED", "error": None, "at": 3000})
    journal.close()
    run = recorded(workspace, outputs, resolved())
    assert not run.created
    assert journals(workspace) == []
    store = open_store(workspace, "local", {})
    found = store.client.get_run(run.run_id)
    assert found.data.tags["plait.devices"] == "2 x cuda"
    assert (found.info.start_time, found.info.end_time) == (1000, 3000)
    assert points(store, run.run_id, "train/loss") == CURVES
    assert deliver_journals(workspace) == 0


def test_a_store_that_is_gone_is_said_without_its_password(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    gone = resolved(tracking={"choice": "server", "uri": None})
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9 does not answer") as refusal:
        recorded(workspace, outputs, gone)
    assert "secret" not in str(refusal.value)


def test_a_locked_store_is_said_plainly(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")
    monkeypatch.setattr("plait.tracking.store.relocate.PATIENCE", 0.1)
    with locked(workspace), pytest.raises(UserError, match="database is locked"):
        recorded(workspace, outputs, resolved())


def test_any_label_of_a_class_makes_a_name_that_mlflow_takes() -> None:
    assert metric_name("test/f1[größer, 5%]") == "test/f1_größer_ 5__"


def test_a_notebook_gets_everything_back(
    done: tuple[Workspace, Outputs, Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, outputs, run = done
    (workspace.root / "notebooks").mkdir(exist_ok=True)
    (workspace.root / "conf").mkdir(exist_ok=True)
    (workspace.root / "dvc.yaml").touch()
    monkeypatch.chdir(workspace.root / "notebooks")
    for name in (run.run_id, "lr=0.1", "line lr=0.1", "line"):
        assert load(name).run_id == run.run_id
    loaded = load("line")
    assert loaded.configuration.values == VALUES
    assert loaded.metrics["test/mse"] == 0.25
    expected = pd.read_csv(outputs["curves"])
    pd.testing.assert_frame_equal(loaded.history, expected, check_dtype=False)
    assert loaded.predictions["prediction"].eq(1.5).all()
    raw = frame()[["width", "height", "colour"]]
    importable = sys.path.copy()
    predicted = loaded.model.predict(raw)["prediction"].to_numpy()
    # MLflow would put the code kept with the model first, for every process started from here.
    assert sys.path == importable
    np.testing.assert_allclose(predicted, TrainedModel.load(outputs["model"]).predict(raw), 1e-6)
    for unknown in ("nothing", "it's", "0" * 32):
        with pytest.raises(UserError, match="no run"):
            load(unknown)
    monkeypatch.chdir("/")
    with pytest.raises(UserError, match="is not in a plait project"):
        load("line")


def test_a_model_whose_code_knows_a_module_by_an_older_name_loads(
    done: tuple[Workspace, Outputs, Recorded],
) -> None:
    workspace, _, _ = done
    (file,) = (workspace.root / "mlruns").glob("artifacts/*/models/*/artifacts/pyfunc_model.py")
    now = file.read_text(encoding="utf-8")
    older = now.replace("plait.tracking.record.exported", "plait.tracking.exported")
    assert older != now
    file.write_text(older, encoding="utf-8")
    try:
        model = load("line", workspace.root).model
        assert len(model.predict(frame()[["width", "height", "colour"]])) == len(frame())
    finally:
        file.write_text(now, encoding="utf-8")


def test_a_loaded_model_reads_numbers_as_training_read_them(
    done: tuple[Workspace, Outputs, Recorded],
) -> None:
    workspace, _, _ = done
    model = load("line", workspace.root).model
    rows = frame()[["width", "height", "colour"]].assign(width=range(len(frame())))
    written = rows.assign(width=rows["width"].astype("str"), height=rows["height"].astype("str"))
    assert model.predict(written).equals(model.predict(rows))
    with pytest.raises(UserError, match="column 'width', row 0: 'much' is not a number"):
        model.predict(rows.assign(width="much"))


ELSEWHERE = """
import json, sys
import mlflow, pandas
import mlflow.pyfunc
unpickled = []
def heard(event, found):
    if event == "pickle.find_class":
        unpickled.append(found)
sys.addaudithook(heard)
model = mlflow.pyfunc.load_model(sys.argv[1])
assert model.metadata.signature is not None
example = model.input_example
assert len(example) >= 2
rows = pandas.read_parquet(sys.argv[2])
json.dump(
    [model.predict(rows).to_dict("list"), len(model.predict(rows.head(1))), len(example)],
    sys.stdout,
)
assert unpickled == []
import plait
assert plait.__file__.startswith(sys.argv[1]), plait.__file__
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "choice"),
    [
        ("regression", "mlp"),
        ("classification", "mlp"),
        ("regression", "decision_tree"),
        ("classification", "decision_tree"),
        ("classification", "lightgbm"),
        pytest.param("regression", "catboost", marks=pytest.mark.nightly),
        pytest.param("classification", "xgboost", marks=pytest.mark.nightly),
        pytest.param("classification", "tabm", marks=pytest.mark.nightly),
    ],
)
def test_the_model_loads_without_pickle_and_without_plait(
    workspace: Workspace, task: Any, choice: str, tmp_path: Path
) -> None:
    outputs = write_outputs(workspace.root, task, choice)
    run = recorded(workspace, outputs, resolved())
    store = open_store(workspace, "local", {})
    (logged,) = store.client.get_run(run.run_id).outputs.model_outputs
    model = store.client.get_logged_model(logged.model_id)
    folder = Path(model.artifact_location)
    assert not list(folder.rglob("__pycache__"))
    assert not list(folder.rglob("*.pkl"))
    assert {metric.key for metric in model.metrics} >= {"test/mse", "test_interval/mse_low"}
    requirements = (folder / "requirements.txt").read_text().split()
    assert all("==" in line and "+" not in line for line in requirements)
    process = subprocess.run(
        [
            *(sys.executable, "-c", WITHOUT_PLAIT + ELSEWHERE),
            *(str(folder), str(outputs.data / "test.parquet")),
        ],
        env=os.environ | WITHOUT_PICKLE,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    predictions, one, _ = json.loads(process.stdout)
    assert one == 1
    expected = TrainedModel.load(outputs["model"]).predict(frame())
    if task == "regression":
        np.testing.assert_allclose(predictions["prediction"], expected, rtol=1e-5)
    else:
        assert list(predictions) == ["prediction", "probability_cheap", "probability_dear"]
        np.testing.assert_allclose(predictions["probability_dear"], expected[:, 1], rtol=1e-5)
        labels = np.where(expected.argmax(axis=1) == 1, "dear", "cheap")
        assert predictions["prediction"] == list(labels)


def test_numbers_measured_otherwise_replace_the_former_ones(workspace: Workspace) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")
    run_id = recorded(workspace, outputs, resolved()).run_id
    write_json(outputs["metrics"], {"test/mse": 0.5, "test/r2": 0.9})
    again = recorded(workspace, outputs, resolved(evaluation={"seed": 1}))
    assert again.run_id == run_id
    assert not again.differences
    store = open_store(workspace, "local", {})
    assert store.client.get_run(run_id).data.metrics["test/mse"] == 0.5
    assert len(store.client.get_metric_history(run_id, "test/mse")) == 2
    assert len(store.client.get_metric_history(run_id, "test/r2")) == 1


def test_a_run_that_was_killed_hard_is_completed_from_outputs_made_elsewhere(
    workspace: Workspace,
) -> None:
    """As after `dvc pull`: the live run has no duration, and the report does not need one."""
    outputs = write_outputs(workspace.root, model="decision_tree")
    store = open_store(workspace, "local", {})
    tags = {"plait.identity": resolved().identity, "plait.host": "elsewhere"}
    experiment = store.experiment("line")
    run = store.client.create_run(experiment, 0, tags | {"plait.git_dirty": "false"}, "line")
    store.client.set_terminated(run.info.run_id, "KILLED")
    again = recorded(workspace, outputs, resolved())
    assert again.run_id == run.info.run_id
    assert store.client.get_run(again.run_id).info.status == "FINISHED"


@pytest.mark.slow
def test_a_run_whose_artifacts_are_gone_says_what_helps_and_that_helps(
    workspace: Workspace,
) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")
    (workspace.root / "params.yaml").write_text("experiments: {}\n")
    run = recorded(workspace, outputs, resolved())
    shutil.rmtree(workspace.store / "artifacts")
    cure = r"artifacts are gone from .*\n.* plait run --fresh experiment=line lr=0\.1"
    loaded = load(run.run_id, workspace.root)
    for ask in ("configuration", "evaluation", "predictions", "model"):
        with pytest.raises(UserError, match=cure):
            getattr(loaded, ask)
    # What `--fresh` comes down to: train, and record.
    train(workspace, resolved(), [1.0, 0.5, 0.25])
    assert recorded(workspace, outputs, resolved()).run_id == run.run_id
    again = load(run.run_id, workspace.root)
    assert again.configuration.values == VALUES
    assert len(again.predictions) == 40
    assert len(again.model.predict(frame()[["width", "height", "colour"]])) == 40


def test_a_recording_that_is_ended_by_a_signal_is_completed_by_the_next(
    workspace: Workspace,
) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")

    def ended(facts: dict[str, str]) -> dict[str, Path]:
        raise SystemExit(143)

    with pytest.raises(SystemExit):
        record(workspace, resolved(), outputs, ended)
    first = recorded(workspace, outputs, resolved())
    assert not first.created
    store = open_store(workspace, "local", {})
    (run,) = store.runs("")
    assert run.info.status == "FINISHED"
    assert len(run.outputs.model_outputs) == 1
    assert points(store, run.info.run_id, "train/loss") == CURVES


def test_two_machines_may_add_the_same_parameters_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(workspace, "local", {})
    run = store.client.create_run(store.experiment("line"))
    log_batch, failures = MlflowClient.log_batch, [0]

    def taken(client: MlflowClient, run_id: str, **given: Any) -> None:
        log_batch(client, run_id, params=given["params"][: 2 * failures[0]])
        if len(given["params"]) > 2 or not failures[0]:
            failures[0] += 1
            raise MlflowException("duplicate key value violates unique constraint")

    monkeypatch.setattr(MlflowClient, "log_batch", taken)
    with pytest.raises(MlflowException, match="duplicate"):
        add_parameters(store, run, {"a": 1})  # which nobody has added
    add_parameters(store, run, {"a": 1, "b": 2, "c": 3, "d": 4})
    assert store.client.get_run(run.info.run_id).data.params == {
        key: str(value) for value, key in enumerate("abcd", start=1)
    }


def test_two_trials_may_be_the_first_on_their_data_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_inputs, waits = MlflowClient.log_inputs, list[float]()

    def other_first(client: MlflowClient, run_id: str, datasets: list[DatasetInput]) -> None:
        if not waits:
            raise MlflowException(
                "(psycopg2.errors.UniqueViolation) duplicate key value violates unique constraint"
                ' "dataset_pk"',
                error_code=BAD_REQUEST,
            )
        log_inputs(client, run_id, datasets)

    monkeypatch.setattr(MlflowClient, "log_inputs", other_first)
    monkeypatch.setattr("time.sleep", waits.append)
    outputs = write_outputs(workspace.root, model="decision_tree")
    made = recorded(workspace, outputs, resolved())
    run = open_store(workspace, "local", {}).client.get_run(made.run_id)
    assert [len(waits), run.info.status, len(run.inputs.dataset_inputs)] == [1, "FINISHED", 1]


def test_a_new_run_that_is_asked_to_end_while_it_is_recorded_says_so(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = write_outputs(workspace.root, model="decision_tree")

    def terminated(*arguments: object) -> None:
        end_at_sigterm()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    with monkeypatch.context() as patch:
        patch.setattr("plait.tracking.record.record._log_dataset", terminated)
        with pytest.raises(SystemExit) as ended:
            record(workspace, resolved(), outputs, lambda facts: {})
    assert ended.value.code == 143
    store = open_store(workspace, "local", {})
    (run,) = store.runs("")
    assert run.info.status == "KILLED"
    assert run.data.tags["plait.error"] == "terminated (SIGTERM)"
    recorded(workspace, outputs, resolved())
    (run,) = store.runs("")
    assert run.info.status == "FINISHED"
    assert "plait.error" not in run.data.tags


def test_a_private_umask_and_a_clock_that_is_set_back_change_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o077)
    try:
        now = time.time_ns()
        with LiveRun(workspace, resolved(), "1 x cpu") as run:
            run.epoch(0, {"train/loss": 1.0})
            monkeypatch.setattr("plait.tracking.live.live.time.time_ns", lambda: now - 3600 * 10**9)
            run.epoch(1, {"train/loss": 0.5})
        monkeypatch.undo()
        done = recorded(workspace, write_outputs(workspace.root), resolved())
    finally:
        os.umask(before)
    found = open_store(workspace, "local", {}).client.get_run(done.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.end_time >= found.info.start_time
    assert found.data.metrics["cost/train_seconds"] >= 0


def test_an_address_in_the_environment_is_ignored_and_said_so_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    train(workspace, resolved(), [1.0])
    train(workspace, resolved(), [1.0])
    said = capsys.readouterr().err
    assert said.count("MLFLOW_TRACKING_URI is ignored: tracking: local records in mlruns/") == 1
    assert len(list(open_store(workspace, "local", {}).runs(""))) == 1
