"""Every engine runs the same trials to the same bits, and outlives what kills one of them."""

import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from checkouts import Checkout
from plait.errors import ConfigurationError, UserError
from plait.sweeps.engines import settings_of, start
from plait.sweeps.engines.gpus import gpus_here
from plait.sweeps.menu import ENGINES, PRUNERS, SEARCH
from plait.sweeps.pruning import PRUNERS as PRUNER_SETTINGS
from plait.sweeps.search import SearchSettings
from plait.tracking.cost import without_costs
from plait.tracking.store.store import open_store
from plait.workspace import Workspace
from processes import wait_until_ended
from sweeps.faults import SMALL, plant_faulty_model
from sweeps.launching import launched, statuses, wait_for

LAUNCHERS = {
    "basic": ["hydra/launcher=basic"],
    "joblib": ["hydra/launcher=joblib", "hydra.launcher.jobs=2"],
    "slurm": ["hydra/launcher=slurm", "hydra.launcher.cluster=local", "hydra.launcher.jobs=2"],
    "ray": ["hydra/launcher=ray"],
}

CLUSTERS = {"slurm", "ray"}
"""Whose own start takes most of a minute."""

PARALLEL = [
    pytest.param(name, marks=pytest.mark.nightly if name in CLUSTERS else pytest.mark.slow)
    for name in LAUNCHERS
    if name != "basic"
]


def test_every_launcher_gives_its_engine_the_settings_it_takes() -> None:
    assert ENGINES.keys() == LAUNCHERS.keys()
    for name, values in ENGINES.items():
        assert type(settings_of(name, values)).model_fields.keys() == values.keys()
    assert SearchSettings.model_fields.keys() == SEARCH.keys() - {"defaults", "params", "pruner"}
    assert PRUNERS.keys() == PRUNER_SETTINGS.keys()
    for name, values in PRUNERS.items():
        assert PRUNER_SETTINGS[name].model_fields.keys() == values.keys()


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("joblib", {"jobs": "two"}, r"hydra\.launcher\.jobs: is 'two' \(text\); must be int"),
        ("joblib", {"jobs": 0}, r"hydra\.launcher\.jobs: is 0; must be int in \[1, ∞\) or null"),
        ("joblib", {"job": 2}, r"job: unknown key; did you mean hydra\.launcher\.jobs\?"),
        ("slurm", {"timeout_min": 0.5}, r"timeout_min: is 0\.5; must be a whole number"),
        ("slurm", {"cluster": "debug"}, r"cluster: is 'debug' .* one of 'slurm' or 'local'"),
        ("ray", {"num_cpus": -1}, r"num_cpus: is -1; must be in \(0, ∞\)"),
    ],
)
def test_a_setting_that_means_nothing_is_named(
    name: str, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        settings_of(name, {**ENGINES[name], **wrong})


def test_a_wrong_setting_ends_the_command_before_anything_runs(shared_checkout: Checkout) -> None:
    result = shared_checkout.plait(
        *("run", "-m", "experiment=wine", "seed=1,2"),
        *("hydra/launcher=joblib", "hydra.launcher.jobs=two"),
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1, result.stderr
    assert not (shared_checkout.root / "outputs").exists()


@pytest.mark.parametrize(("name", "package"), [("slurm", "submitit"), ("ray", "ray")])
def test_a_missing_extra_is_named(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("plait.config.extras.installed_version", lambda name: None)
    with pytest.raises(UserError, match=rf"'\.\[{name}\]'`$") as caught:
        start(name, tmp_path, settings_of(name, ENGINES[name]))
    said = f"hydra/launcher={name}: needs {package}, which the extra {name} brings; `pip install"
    assert str(caught.value).startswith(said)


def test_without_slurm_it_is_said_how_to_do_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"no SLURM here.*\n.*cluster=local"):
        start("slurm", tmp_path, settings_of("slurm", ENGINES["slurm"]))


@pytest.mark.parametrize(
    ("allowed", "gpus"),
    [
        ("", []),
        ("-1", []),
        ("0,1", ["0", "1"]),
        ("GPU-8f2c, 3", ["GPU-8f2c", "3"]),
        ("2,-1", ["2"]),
    ],
)
def test_gpus_are_those_that_cuda_would_see(
    allowed: str, gpus: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert gpus_here() == gpus


def test_there_are_as_many_workers_as_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")

    def slots(jobs: int | None, gpus: int) -> int:
        settings = settings_of("joblib", {"jobs": jobs, "gpus": gpus})
        return start("joblib", tmp_path, settings).slots

    assert (slots(None, 1), slots(5, 1), slots(None, 2), slots(None, 3)) == (3, 5, 1, 1)
    with pytest.raises(UserError, match=r"launcher.gpus: is 4, but this machine has 3"):
        slots(None, 4)


SHOWING = '''
"""A linear map that shows the environment that it is built in."""

import os
import time

from plait.models.base import NetworkSettings, Shape


class Settings(NetworkSettings):
    """``model: showing``."""


def build(settings: Settings, shape: Shape):
    """(rows, inputs) to (rows,)."""
    from plait.models.network import dense

    for key in ("CUDA_VISIBLE_DEVICES", "RANK", "WORLD_SIZE", "SLURM_NTASKS", "SUBMITIT_EXECUTOR"):
        print(f"seen {key}={os.environ.get(key)}")
    # Long enough for the other worker to begin, before this one has done all trials.
    time.sleep(3)
    return dense(shape, hidden=[], bias=True)
'''


@pytest.mark.parametrize("name", PARALLEL[:2])
def test_each_trial_has_a_gpu_of_its_own_and_no_part_in_another_job(
    name: str, checkout: Checkout
) -> None:
    (checkout.root / "src/plait/models/showing.py").write_text(SHOWING, encoding="utf-8")
    (checkout.root / "conf/model/showing.yaml").write_text("{}\n", encoding="utf-8")
    os_environment = {
        "CUDA_VISIBLE_DEVICES": "6,7",
        "RANK": "1",
        "WORLD_SIZE": "4",
        "SLURM_NTASKS": "4",
    }
    launcher = ["hydra/launcher=joblib"] if name == "joblib" else LAUNCHERS[name]
    checkout.run(
        *("python", "-c", "from plait.cli import main; main()"),
        *("run", "--fresh", "-m", "experiment=linear_regression", *SMALL, "model=showing"),
        *("seed=0,1", *launcher),
        env={**os_environment, "PYTHONPATH": str(checkout.root / "src")},
    )
    logs = list((checkout.root / "outputs/linear_regression").glob("*/run.log"))
    assert len(logs) == 2
    seen = {
        line
        for log in logs
        for line in log.read_text(encoding="utf-8").splitlines()
        if line.startswith("seen ")
    }
    others = {f"seen {key}=None" for key in ("RANK", "WORLD_SIZE", "SLURM_NTASKS")}
    others.add("seen SUBMITIT_EXECUTOR=None")
    devices = {"seen CUDA_VISIBLE_DEVICES=6", "seen CUDA_VISIBLE_DEVICES=7"}
    if name == "joblib":
        assert seen == others | devices
    else:
        assert others < seen


def results_of(checkout: Checkout) -> dict[str, bytes]:
    """By trial and file, what the trials left: metrics, curves and weights."""
    return {
        str(path.relative_to(checkout.root)): path.read_bytes()
        for pattern in ("*/*/metrics.json", "*/*/curves.csv", "*/*/model/*")
        for path in (checkout.root / "outputs").glob(pattern)
    }


@pytest.mark.parametrize("name", PARALLEL)
def test_every_engine_gives_the_same_bits(name: str, checkout: Checkout) -> None:
    results, recorded = {}, {}
    store = open_store(Workspace.at(checkout.root), "local", {})
    for engine in ("basic", name):
        said = checkout.plait(
            *("run", "--fresh", "-m", "experiment=diabetes", "model=mlp,gradient_boosting"),
            *("trainer.max_epochs=2", "evaluation.resamples=20", *LAUNCHERS[engine]),
        )
        assert statuses(said.stdout) == {"new": 2}, said.stdout
        results[engine] = results_of(checkout)
        recorded[engine] = {
            run.info.run_name: without_costs(run.data.metrics) for run in store.runs("")
        }
        assert {run.info.status for run in store.runs("")} == {"FINISHED"}
    assert len(results["basic"]) == 2 * 4  # metrics, curves, weights and model.json of each
    assert len({metrics["test/mse"] for metrics in recorded["basic"].values()}) == 2
    assert results[name] == results["basic"]
    assert recorded[name] == recorded["basic"]
    if name == "slurm":
        assert not list((checkout.root / ".plait/slurm").iterdir())


@pytest.mark.parametrize("name", PARALLEL)
def test_a_trial_that_is_killed_fails_alone(name: str, checkout: Checkout) -> None:
    plant_faulty_model(checkout)
    said = checkout.plait(
        *("run", "-m", "experiment=linear_regression", *SMALL, "model=faulty"),
        *("model.fault=kill,none,exit", *LAUNCHERS[name]),
        check=False,
    )
    assert said.returncode == 1
    assert statuses(said.stdout) == {"new": 1, "failed": 2}
    assert "fault=kill: its process was killed by SIGKILL" in said.stdout
    assert "fault=exit: exit status 3" in said.stdout
    assert "Traceback" not in said.stdout + said.stderr
    store = open_store(Workspace.at(checkout.root), "local", {})
    assert sorted(run.info.status for run in store.runs("")) == ["FAILED", "FAILED", "FINISHED"]


def jobs_at_work(process: "subprocess.Popen[str]", command: str) -> list[psutil.Process]:
    """Of the launcher's jobs, those in which a trial runs."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):  # gone meanwhile
            if command in " ".join(child.cmdline()) and child.children():
                found.append(child)
    return found


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "command", "said"),
    [
        (
            *("slurm", "submitit.core._submit"),
            r"its job \d+ ended without a result .*\.plait/slurm/\S+\.err",
        ),
        ("ray", "ray::run_job", "Ray lost its task: "),
    ],
    ids=["slurm", "ray"],
)
def test_a_job_that_is_lost_is_a_failed_trial(
    name: str, command: str, said: str, checkout: Checkout
) -> None:
    plant_faulty_model(checkout)
    store = open_store(Workspace.at(checkout.root), "local", {})
    with launched(
        checkout,
        *("run", "-m", "experiment=linear_regression", *SMALL, "model=faulty"),
        *("model.fault=sleep,none", *LAUNCHERS[name]),
        python=sys.executable,
    ) as process:
        wait_for(lambda: {run.info.status for run in store.runs("")} == {"RUNNING", "FINISHED"})
        wait_for(lambda: len(jobs_at_work(process, command)) == 1)
        (job,) = jobs_at_work(process, command)
        workers = job.children()
        job.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 1, err
    assert statuses(out) == {"new": 1, "failed": 1}
    assert re.search(f"fault=sleep: {said}", out), out
    assert sorted(run.info.status for run in store.runs("")) == ["FAILED", "FINISHED"]
    # The trial does not outlive its job.
    for worker in workers:
        wait_until_ended(worker)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["slurm", "ray"])
def test_asked_to_end_it_ends_its_jobs(name: str, checkout: Checkout) -> None:
    plant_faulty_model(checkout)
    store = open_store(Workspace.at(checkout.root), "local", {})
    with launched(
        checkout,
        *("run", "-m", "experiment=linear_regression", *SMALL, "model=faulty"),
        *("model.fault=sleep", "seed=1,2", *LAUNCHERS[name]),
        python=sys.executable,
    ) as process:
        wait_for(lambda: len(list(store.runs(""))) == 2)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=90)
    assert process.returncode == 143, err
    for child in children:
        wait_until_ended(child)
    assert [run.info.status for run in store.runs("")] == ["KILLED"] * 2
