"""A recorded run in a notebook: configuration, metrics, curves, predictions, model."""

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.artifacts import Workspace
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.tracking.backend import backend_of
from plait.tracking.logged_model import logged_model_id
from plait.tracking.store import Store, import_pyfunc, open_store, said_plainly

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run
    from mlflow.pyfunc import PyFuncModel

FINAL = ("test/", "test_interval/", "test_naive/")
"""Sections of metrics that are no curves."""


class LoadedRun:
    """A run of the tracking store. What has to be read is read when it is asked for."""

    def __init__(self, store: Store, run: "Run") -> None:
        self._store = store
        self._run = run

    def __repr__(self) -> str:
        return f"<run {self.name!r}, {self.run_id}>"

    @property
    def run_id(self) -> str:
        """MLflow's id."""
        return str(self._run.info.run_id)

    @property
    def name(self) -> str:
        """The experiment's name and what deviates from it."""
        return str(self._run.info.run_name)

    @cached_property
    def configuration(self) -> Resolved:
        """The resolved configuration that it was trained with."""
        return Resolved.read(self._artifact("config/resolved.yaml"))

    @property
    def metrics(self) -> dict[str, float]:
        """The newest value of everything recorded, such as ``test/mse``."""
        return dict(sorted(self._run.data.metrics.items()))

    @cached_property
    def history(self) -> "pd.DataFrame":
        """The curves: a row an epoch; columns ``epoch``, ``train/loss``, …"""
        import pandas as pd

        columns = {
            key: pd.Series(
                {
                    point.step: point.value
                    for point in self._store.client.get_metric_history(self.run_id, key)
                }
            )
            for key in self.metrics
            if not key.startswith(FINAL)
        }
        table = pd.DataFrame(columns).sort_index().rename_axis("epoch")
        return table.reset_index()

    @cached_property
    def predictions(self) -> "pd.DataFrame":
        """The test rows: ``truth``, ``prediction``, …"""
        import pandas as pd

        return pd.read_parquet(self._artifact("results/predictions.parquet"))

    @cached_property
    def model(self) -> "PyFuncModel":
        """The trained model: ``model.predict(frame)`` takes the source's raw columns."""
        from mlflow.artifacts import download_artifacts

        model_id = logged_model_id(self._store, self._run)
        if model_id is None:
            raise UserError(f"run {self.run_id} has no model; `dvc repro` records it")
        with said_plainly(self._store.backend.uri):
            folder = download_artifacts(
                artifact_uri=self._store.client.get_logged_model(model_id).artifact_location,
                tracking_uri=self._store.backend.uri,
            )
        return import_pyfunc().load_model(folder)

    def _artifact(self, path: str) -> Path:
        from mlflow.exceptions import MlflowException

        try:
            return Path(self._store.client.download_artifacts(self.run_id, path))
        except (MlflowException, OSError) as error:
            raise UserError(
                f"run {self.run_id} has no {path}: it was not recorded to the end;"
                " `dvc repro` completes it"
            ) from error


def load(run: str, root: Path | None = None) -> LoadedRun:
    """A recorded run.

    :param run: its id, its name, or an experiment's name for the newest finished run of it.
    :param root: the checkout; by default the one around the working directory.
    :raises UserError: if there is no such run.
    """
    workspace = Workspace.at(root or _checkout(Path.cwd()))
    for choice, settings in _trackings(workspace):
        with said_plainly(backend_of(workspace, choice, settings).uri):
            store = open_store(workspace, choice, settings)
            found = _find(store, run)
        if found is not None:
            return LoadedRun(store, found)
    raise UserError(
        f"no run {run!r}: neither a run's id or name, nor an experiment with a finished run;\n"
        "`plait ui` shows those there are"
    )


def _find(store: Store, run: str) -> "Run | None":
    if "'" in run:
        return None
    if re.fullmatch("[0-9a-f]{32}", run):
        for found in store.runs(f"attributes.run_id = '{run}'"):
            return found
    for key in ("attributes.run_name", "tags.`plait.experiment`"):
        newest = list(store.runs(f"{key} = '{run}' and attributes.status = 'FINISHED'"))[-1:]
        if newest:
            return newest[0]
    return None


def _checkout(folder: Path) -> Path:
    for candidate in (folder, *folder.parents):
        if (candidate / "params.yaml").exists():
            return candidate
    raise UserError(f"{folder} lies in no checkout of a plait project: no params.yaml above it")


def _trackings(workspace: Workspace) -> list[tuple[str, dict[str, Any]]]:
    """Where runs of this checkout may be: its own store, and the servers its experiments name."""
    found: list[tuple[str, dict[str, Any]]] = []
    if (workspace.store / "mlflow.db").exists():
        found.append(("local", {}))
    for path in sorted((workspace.root / "resolved").glob("*.yaml")):
        resolved = Resolved.read(path)
        if resolved.choice("tracking") == "server":
            settings = resolved.settings("tracking")
            if ("server", settings) not in found:
                found.append(("server", settings))
    return found
