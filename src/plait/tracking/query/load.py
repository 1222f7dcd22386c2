"""A recorded run in a notebook: configuration, metrics, curves, predictions, model."""

import shutil
import sys
import tempfile
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from plait.artifacts import read_json
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.tracking import cost
from plait.tracking.query.find import find
from plait.tracking.record.logged_model import logged_model_id
from plait.tracking.record.record import BASELINE, MEMBER
from plait.tracking.runs import artifacts_gone
from plait.tracking.store.store import Store, import_pyfunc, translate_errors
from plait.tracking.tags import MEASURED_BY
from plait.workspace import Workspace, find_root

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run
    from mlflow.pyfunc import PyFuncModel

FINAL = (
    "test/",
    "test_interval/",
    "test_naive/",
    f"{BASELINE}/",
    f"{MEMBER}/",
    "model/",
    cost.PREFIX,
)
"""Sections of metrics that are no curves."""


RENAMED = {"plait.tracking.exported": "plait.tracking.record.exported"}
"""Modules that the code of models logged before 2026-12 imports, and what they are called now."""


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
    def evaluation(self) -> dict[str, Any]:
        """What was measured on the test rows: metrics, intervals, baselines, the verdict."""
        found: dict[str, Any] = read_json(self._artifact("results/evaluation.json"))
        return found

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
            if self._run.outputs and self._run.outputs.model_outputs:
                raise UserError(artifacts_gone(self._run))
            raise UserError(f"run {self.run_id} has no model; `dvc repro` records it")
        with translate_errors(self._store.backend.uri):
            folder = download_artifacts(
                artifact_uri=self._store.client.get_logged_model(model_id).artifact_location,
                tracking_uri=self._store.backend.uri,
            )
        if unquote(folder) != folder:
            # MLflow's loader decodes such a path at one place and not at another.
            self._copy = tempfile.TemporaryDirectory(prefix="plait-model-")
            folder = shutil.copytree(folder, Path(self._copy.name) / "model")
        for before, now in RENAMED.items():
            sys.modules.setdefault(before, import_module(now))
        return import_pyfunc().load_model(str(folder))

    def _artifact(self, path: str) -> Path:
        from mlflow.exceptions import MlflowException

        try:
            return Path(self._store.client.download_artifacts(self.run_id, path))
        except (MlflowException, OSError) as error:
            if MEASURED_BY in self._run.data.tags:
                raise UserError(artifacts_gone(self._run)) from error
            raise UserError(
                f"run {self.run_id} has no {path}: it was not recorded to the end;"
                " `dvc repro` completes it"
            ) from error


def load(run: str, root: Path | None = None) -> LoadedRun:
    """A recorded run.

    :param run: its id, its name, an experiment's name for the newest finished run of it, or
        ``best:SWEEP``.
    :param root: the checkout; by default the one around the working directory.
    :raises UserError: if there is no such run.
    """
    return LoadedRun(*find(Workspace.at(root or find_root()), run))
