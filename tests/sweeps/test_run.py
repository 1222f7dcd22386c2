"""`plait run` composes as `compose` does, gives the numbers of `dvc repro`, and runs once."""

import json
from pathlib import Path

import pytest
import yaml

from checkouts import Checkout
from plait.config.compose import Project
from plait.errors import ConfigurationError
from plait.sweeps.app import run
from plait.tracking.cost import without_costs
from plait.tracking.store.store import Store, open_store
from plait.workspace import Workspace
from sweeps.faults import SMALL

LINEAR = "experiment=linear_regression"


def composed(checkout: Checkout, capsys: pytest.CaptureFixture[str], *overrides: str) -> object:
    """What ``--cfg job`` prints."""
    assert run(checkout.root, [*overrides, "--cfg", "job"]) == 0
    return yaml.safe_load(capsys.readouterr().out)


def folder_of(checkout: Checkout, name: str) -> Path:
    """The one folder of trials of an experiment."""
    (folder,) = (checkout.root / "outputs" / name).iterdir()
    return folder


def store_of(checkout: Checkout) -> Store:
    return open_store(Workspace.at(checkout.root), "local", {})


def test_it_composes_as_compose_does(
    shared_checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(shared_checkout.root)
    for name, overrides in (
        ("linear_regression", []),  # params.yaml sets its learning rate
        ("linear_regression", ["optimizer=adam", "optimizer.lr=0.5", "seed=3"]),
        ("wine", ["model=svm"]),  # not listed in params.yaml
        ("market", ["objective=huber", "objective.delta=2", "callbacks=[early_stopping]"]),
        ("market", ["debug=fast"]),
    ):
        shown = composed(shared_checkout, capsys, f"experiment={name}", *overrides)
        assert shown == yaml.safe_load(project.compose(name, overrides).text())


def test_params_yaml_stands_between_experiment_file_and_command_line(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.list_experiments(
        {"linear_regression": {"model": "mlp", "optimizer": {"lr": 0.25}, "seed": 4}}
    )
    shown = composed(checkout, capsys, LINEAR, "seed=5", "model.hidden_sizes=[3]")
    assert isinstance(shown, dict)
    assert (shown["model"]["choice"], shown["model"]["hidden_sizes"]) == ("mlp", [3])
    assert (shown["optimizer"]["lr"], shown["seed"]) == (0.25, 5)


def test_hydras_own_flags_work(
    shared_checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shared_checkout.root, [LINEAR, "--cfg", "hydra", "-p", "hydra.launcher"]) == 0
    assert "engine: basic" in capsys.readouterr().out
    assert run(shared_checkout.root, [LINEAR, "--cfg", "hydra", "-p", "hydra.run"]) == 0
    assert "/outputs/linear_regression/" in capsys.readouterr().out
    assert run(shared_checkout.root, [LINEAR, "model=mlp", "--info", "defaults"]) == 0
    said = capsys.readouterr().out
    assert "model/mlp" in said
    assert "experiment/linear_regression" in said
    assert run(shared_checkout.root, ["sweep=families", "--cfg", "job"]) == 0
    assert "name: breast_cancer" in capsys.readouterr().out
    assert run(shared_checkout.root, ["--help"]) == 0
    assert "plait run -m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "choose experiment=NAME; there are: breast_cancer"),
        (["experiment=linear_regresion"], "did you mean 'linear_regression'"),
        ([LINEAR, "optimizer.lr=fast"], "optimizer.lr: is 'fast' (text); must be"),
        ([LINEAR, "optimizer.lr=1,2"], "`plait run -m` takes several"),
        ([LINEAR, "optimizer.lr==1"], "is no override"),
        ([LINEAR, "hydra.run.dir=/elsewhere"], "results always lie in outputs/EXPERIMENT/IDENTITY"),
        (["-m", LINEAR, "hydra.sweep.dir=x"], "hydra.sweep.dir: results always lie in outputs/"),
        ([LINEAR, "hydra.launchr=1"], "hydra.launchr: unknown key; those there are"),
        (["-m", LINEAR, "optimizer.lr=0.1,fast"], "optimizer.lr: is 'fast'"),
        (["-m", "experiment=linear_regression,markt"], "did you mean 'market'"),
        (["-m", LINEAR, "sweep.keep_models=some"], "must be one of all, best, none"),
        (["-m", LINEAR, "sweep.name='a b'"], "its letters may be"),
        ([LINEAR, "--config-name", "other"], "are not for plait run"),
        (["-m", LINEAR, "hydra/launcher=basi"], "hydra/launcher"),
        (["-m", LINEAR, "hydra.launcher.n_jobs=2"], "hydra.launcher.n_jobs: unknown key; those"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    shared_checkout: Checkout, arguments: list[str], said: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        run(shared_checkout.root, arguments)
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) <= 5
    assert not shared_checkout.has_runs()
    # Beside what is known of files that were read.
    assert {path.name for path in (shared_checkout.root / ".plait").glob("*")} <= {"state"}


@pytest.mark.slow
def test_it_equals_dvc_repro_bit_for_bit_and_runs_once(checkout: Checkout) -> None:
    small = {
        "data": {"samples": 100},
        "trainer": {"max_epochs": 3},
        "evaluation": {"resamples": 20},
    }
    checkout.list_experiments({"linear_regression": {**small, "optimizer": {"lr": 0.01}}})
    checkout.run("dvc", "repro")
    checkout.commit("rebuilt")
    done = checkout.plait("run", LINEAR)
    assert "done before, as run" in done.stdout
    assert not (checkout.root / "outputs/linear_regression").exists() or not list(
        (checkout.root / "outputs/linear_regression").glob("*/model")
    )

    again = checkout.plait("run", LINEAR, "--fresh")
    assert ": new run " in again.stdout
    trial, results = folder_of(checkout, "linear_regression"), checkout.root / "results"
    for file in (
        *("model/weights.safetensors", "model/model.json", "curves.csv", "metrics.json"),
        *("evaluation/evaluation.json", "evaluation/predictions.parquet", "predictions.csv"),
    ):
        theirs = (results / "linear_regression" / file).read_bytes()
        assert (trial / file).read_bytes() == theirs, file
    assert checkout.run("git", "status", "--porcelain").stdout == ""
    assert "up to date" in checkout.run("dvc", "status").stdout
    (run_,) = store_of(checkout).runs("")
    assert run_.info.status == "FINISHED"
    assert "plait.differences" not in run_.data.tags


@pytest.mark.slow
def test_from_a_folder_below_it_is_the_same_command(checkout: Checkout) -> None:
    below = Checkout(checkout.root / "src" / "plait")
    environment = {"PYTHONPATH": str(checkout.root / "src")}
    code = "from plait.cli import main; main()"
    said = below.run("python", "-c", code, "run", LINEAR, *SMALL, env=environment)
    assert ": new run " in said.stdout
    assert (folder_of(checkout, "linear_regression") / "report.html").is_file()
    assert not (below.root / "outputs").exists()


@pytest.mark.slow
def test_a_run_deleted_in_the_ui_no_longer_counts_as_done(checkout: Checkout) -> None:
    first = checkout.plait("run", LINEAR, *SMALL)
    assert ": new run " in first.stdout
    assert "done before" in checkout.plait("run", LINEAR, *SMALL).stdout
    store = store_of(checkout)
    (run_,) = store.runs("")
    store.client.delete_run(run_.info.run_id)
    assert ": new run " in checkout.plait("run", LINEAR, *SMALL).stdout
    (other,) = store.runs("")
    assert other.info.run_id != run_.info.run_id
    assert without_costs(other.data.metrics) == without_costs(run_.data.metrics)


@pytest.mark.slow
def test_data_are_generated_once_and_shared(checkout: Checkout) -> None:
    checkout.plait("run", "-m", LINEAR, *SMALL, "seed=0,1")
    (data,) = (checkout.root / ".plait/data").iterdir()
    assert json.loads((data / "dataset.json").read_text())["parts"]["train"]["rows"] == 80
    checkout.plait("run", "-m", LINEAR, *SMALL, "data.seed=0,1")
    assert len(list((checkout.root / ".plait/data").iterdir())) == 2
