"""A checkout in a temporary folder, with a store that is made once for all tests."""

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plait.config.resolved import Resolved
from plait.tracking.store.backend import local_backend
from plait.tracking.store.store import Store, open_store
from plait.workspace import Workspace

VALUES: dict[str, Any] = {
    "name": "line",
    "description": "A straight line through noise.",
    "label": "lr=0.1",
    "identity": "0123456789abcdef",
    "reads": [],
    "read_files": {},
    "data": {"choice": "synthetic", "task": "regression", "samples": 40},
    "files": {},
    "preprocessing": {"scale": True},
    "model": {"choice": "linear", "bias": True},
    "objective": {"choice": "squared_error"},
    "optimizer": {"choice": "sgd", "lr": 0.1},
    "schedule": {"choice": "constant"},
    "model_files": {},
    "finetuning": None,
    "pretraining": None,
    "pretraining_base": None,
    "pretraining_files": {},
    "calibration": None,
    "decision": {"costs": None},
    "adversarial": None,
    "augmentation": None,
    "callbacks": {},
    "batch_size": 32,
    "ensemble": None,
    "seed": 0,
    "trainer": {
        "max_epochs": 3,
        "max_steps": None,
        "precision": "32-true",
        "threads": 1,
        "gradient_clip": None,
        "micro_batch_size": None,
        "overfit_rows": None,
        "select_checkpoint": "lowest_loss",
        "detect_anomaly": False,
    },
    "evaluation": {},
    "code": {"evaluate": "c0de"},
    "packages": {"evaluate": {"numpy": "2.0.0"}},
    "tracking": {"choice": "local"},
}


def resolved(**changes: Any) -> Resolved:
    """A resolved configuration, with some sections replaced."""
    return Resolved(copy.deepcopy(VALUES) | changes)


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose store has just been made."""
    root = tmp_path_factory.mktemp("made")
    open_store(Workspace.at(root), "local", {})
    return root


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A checkout without a store."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Workspace.at(tmp_path)


@pytest.fixture
def workspace(empty: Workspace, made_store: Path) -> Iterator[Workspace]:
    """A checkout with an empty store: a copy, which `open_store` mends."""
    shutil.copytree(made_store / "mlruns", empty.store)
    yield empty
    forget(empty)


@pytest.fixture
def store(workspace: Workspace) -> Store:
    """The open store of ``workspace``."""
    return open_store(workspace, "local", {})


def forget(workspace: Workspace) -> None:
    """Close the database: MLflow keeps its connections for as long as the process lives."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engine = SqlAlchemyStore._engine_map.pop(local_backend(workspace).uri, None)
    if engine is not None:
        engine.dispose()


def points(store: Store, run_id: str, key: str) -> list[tuple[int, float]]:
    """Every point of a curve, doubled ones twice."""
    return sorted((p.step, p.value) for p in store.client.get_metric_history(run_id, key))
