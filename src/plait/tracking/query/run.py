"""A recorded run: what the tracking store says of it, and what it keeps of it."""

import atexit
import shutil
import sys
import tempfile
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from plait.artifacts import read_json
from plait.config.renamed import parameters_today, read_today
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.evaluation.entries import Evaluation
from plait.tracking import runs
from plait.tracking.record.exported import NETWORK
from plait.tracking.record.logged_model import logged_model_id
from plait.tracking.record.source_patch import ARTIFACT
from plait.tracking.sections import FINAL
from plait.tracking.store.backend import TRAINING_VIEWS
from plait.tracking.store.store import Store, import_pyfunc, translate_errors
from plait.tracking.tags import BEST_OF, EXPERIMENT, MEASURED_BY, OVERRIDES, SWEEPS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from mlflow.entities import Run
    from mlflow.pyfunc import PyFuncModel

RENAMED = {"plait.tracking.exported": "plait.tracking.record.exported"}
"""Modules that the code of models logged before 2026-12 imports, and what they are called now."""


class RecordedRun:
    """A run of the tracking store.

    What the store said when the run was found is at hand; all else is fetched when it is asked
    for. Whatever has to be fetched raises `StoreUnavailable` or `StoreBroken` where the store does
    not give it, and `UserError` where the run does not have it.
    """

    def __init__(self, store: Store, run: "Run") -> None:
        self.store = store
        self._run = run

    def __repr__(self) -> str:
        return f"<run {self.name!r}, {self.run_id}>"

    @property
    def run_id(self) -> str:
        """MLflow's id."""
        return str(self._run.info.run_id)

    @property
    def name(self) -> str:
        """What deviates from its experiment, ``lr=0.1``; the experiment's name if nothing does."""
        return str(self._run.info.run_name)

    @property
    def experiment(self) -> str:
        """The experiment that it is a run of; empty for a run that is not plait's."""
        return self.tags.get(EXPERIMENT, "")

    @property
    def experiment_id(self) -> str:
        """The id of MLflow's experiment that it stands in."""
        return str(self._run.info.experiment_id)

    @property
    def status(self) -> str:
        """``FINISHED``, ``RUNNING``, ``FAILED``, ``KILLED``, …"""
        return str(self._run.info.status)

    @property
    def finished(self) -> bool:
        """Whether it ended as it should."""
        return self.status == "FINISHED"

    @property
    def began(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._run.info.start_time)

    @property
    def ended(self) -> int | None:
        """Milliseconds since the epoch; None while it runs."""
        end = self._run.info.end_time
        return None if end is None else int(end)

    @cached_property
    def params(self) -> dict[str, str]:
        """The values of its configuration, by today's keys."""
        return dict(sorted(parameters_today(self._run.data.params).items()))

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The newest value of everything recorded, such as ``test/mse``."""
        return dict(sorted(self._run.data.metrics.items()))

    @cached_property
    def tags(self) -> dict[str, str]:
        """What is said of it: MLflow's tags, and those of `plait.tracking.tags`."""
        return dict(sorted(self._run.data.tags.items()))

    @property
    def sweeps(self) -> list[str]:
        """The sweeps that it is a trial of."""
        return names_in(self.tags.get(SWEEPS))

    @property
    def best_of(self) -> list[str]:
        """The sweeps whose best trial it is."""
        return names_in(self.tags.get(BEST_OF))

    @property
    def data_digest(self) -> str | None:
        """The digest of the data that it was trained on; None: nobody knows."""
        inputs = self._run.inputs.dataset_inputs if self._run.inputs else []
        return str(inputs[0].dataset.digest) if inputs else None

    @property
    def address(self) -> str | None:
        """Where the MLflow UI shows it; None where the store has no UI."""
        ui = self.store.backend.ui
        page = f"#/experiments/{self.experiment_id}/runs/{self.run_id}?{TRAINING_VIEWS}"
        return f"{ui}/{page}" if ui else None

    @cached_property
    def configuration(self) -> Resolved:
        """The resolved configuration that it was trained with, by today's keys."""
        return read_today(self.recorded_configuration)

    @cached_property
    def recorded_configuration(self) -> Resolved:
        """The resolved configuration as it was recorded, by the keys of its commit."""
        return Resolved.read(self._needed("config/resolved.yaml"))

    def points(self, key: str) -> dict[int, float]:
        """The history of a metric by step; where one was measured again, the later value."""
        with translate_errors(self.store.backend.uri):
            told = self.store.client.get_metric_history(self.run_id, key)
        return {point.step: point.value for point in sorted(told, key=lambda each: each.timestamp)}

    @cached_property
    def history(self) -> "pd.DataFrame":
        """The curves: a row an epoch; columns ``epoch``, ``train/loss``, …"""
        import pandas as pd

        curves = [key for key in self.metrics if not key.startswith(FINAL)]
        table = pd.DataFrame({key: pd.Series(self.points(key)) for key in curves})
        return table.sort_index().rename_axis("epoch").reset_index()

    @cached_property
    def evaluation(self) -> Evaluation:
        """What was measured on the test rows: metrics, intervals, baselines, the verdict."""
        found: Evaluation = read_json(self._needed("results/evaluation.json"))
        return found

    @cached_property
    def predictions(self) -> "pd.DataFrame":
        """The test rows: ``truth``, ``prediction``, …"""
        import pandas as pd

        return pd.read_parquet(self._needed("results/predictions.parquet"))

    @property
    def model_id(self) -> str | None:
        """The id of its logged model; None if it has none that is whole."""
        with translate_errors(self.store.backend.uri):
            return logged_model_id(self.store, self._run)

    @cached_property
    def model(self) -> "PyFuncModel":
        """The trained model: ``model.predict(frame)`` takes the source's raw columns."""
        folder = self._model_folder()
        if folder is None:
            if self._run.outputs and self._run.outputs.model_outputs:
                raise UserError(self._artifacts_gone())
            raise UserError(f"run {self.run_id} has no model; `dvc repro` records it")
        if unquote(str(folder)) != str(folder):
            # MLflow's loader decodes such a path at one place and not at another.
            folder = Path(shutil.copytree(folder, self._aside / "model"))
        for before, now in RENAMED.items():
            sys.modules.setdefault(before, import_module(now))
        paths = sys.path.copy()
        try:
            return import_pyfunc().load_model(str(folder))
        finally:
            # MLflow puts the code that is kept with the model first, for every process started
            # from here too. The plait that reads it is imported already.
            sys.path[:] = paths

    def network_weights(self) -> "dict[str, np.ndarray] | None":
        """The weights, by name, of a network that is logged as a model, if they can be read."""
        import torch

        folder = self._model_folder()
        for path in [] if folder is None else folder.rglob(NETWORK):
            try:
                weights = torch.export.load(path).state_dict
            except Exception:  # a file of another torch, or a damaged one, fails in many ways
                return None
            return {key: value.detach().double().numpy() for key, value in weights.items()}
        return None

    def patch(self) -> bytes | None:
        """The patch of what was not committed; None where none was kept."""
        path = self.artifact(ARTIFACT)
        return None if path is None else path.read_bytes()

    def artifact(self, path: str) -> Path | None:
        """A file that it keeps; None if there is none.

        :param path: such as ``results/evaluation.json``.
        """
        with translate_errors(self.store.backend.uri):
            listed = self.store.client.list_artifacts(self.run_id, path.rpartition("/")[0])
            if path not in {file.path for file in listed}:
                return None
            return Path(self.store.client.download_artifacts(self.run_id, path, self._target))

    def set_tags(self, tags: dict[str, str]) -> None:
        """Say something of the run, in the store."""
        with translate_errors(self.store.backend.uri):
            runs.set_tags(self.store, self.run_id, tags)

    def delete_tag(self, key: str) -> None:
        """Take back what was said of the run, in the store."""
        with translate_errors(self.store.backend.uri):
            self.store.client.delete_tag(self.run_id, key)

    def _needed(self, path: str) -> Path:
        found = self.artifact(path)
        if found is not None:
            return found
        if MEASURED_BY in self.tags:
            raise UserError(self._artifacts_gone())
        raise UserError(
            f"run {self.run_id} has no {path}: it was not recorded to the end;"
            " `dvc repro` completes it"
        )

    def _artifacts_gone(self) -> str:
        """What to say of a run that was recorded to its end, and whose artifacts are not there."""
        experiment = self.experiment or self.name
        overrides = f" {self.tags.get(OVERRIDES, self.name)}" if self.name != experiment else ""
        return (
            f"run {self.run_id}: its artifacts are gone from"
            f" {unquote(self._run.info.artifact_uri)};\n"
            f"  copy them there, or train it anew: plait run --fresh"
            f" experiment={experiment}{overrides}"
        )

    def _model_folder(self) -> Path | None:
        from mlflow.artifacts import download_artifacts

        model_id = self.model_id
        if model_id is None:
            return None
        uri = self.store.backend.uri
        with translate_errors(uri):
            location = self.store.client.get_logged_model(model_id).artifact_location
            return Path(
                download_artifacts(artifact_uri=location, tracking_uri=uri, dst_path=self._target)
            )

    @property
    def _target(self) -> str | None:
        """Where what is fetched goes; the checkout's own files are read where they lie."""
        return None if self.store.backend.local else str(self._aside)

    @cached_property
    def _aside(self) -> Path:
        # A model that was loaded from it may outlive this object.
        folder = tempfile.mkdtemp(prefix="plait-run-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)


def get_run(store: Store, run_id: str) -> RecordedRun:
    """The run of an id.

    :raises StoreUnavailable: if the store does not answer.
    """
    with translate_errors(store.backend.uri):
        return RecordedRun(store, store.client.get_run(run_id))


def run_of_identity(store: Store, identity: str) -> RecordedRun | None:
    """The one run of an identity, as `Store.find_run` has it.

    :raises StoreUnavailable: if the store does not answer.
    """
    with translate_errors(store.backend.uri):
        found = store.find_run(identity)
    return None if found is None else RecordedRun(store, found)


def runs_that(store: Store, condition: str = "") -> list[RecordedRun]:
    """The runs that meet a condition in MLflow's filter language, the oldest first.

    :raises StoreUnavailable: if the store does not answer.
    """
    with translate_errors(store.backend.uri):
        return [RecordedRun(store, run) for run in store.runs(condition)]


def names_in(tag: str | None) -> list[str]:
    """The names in the value of `SWEEPS` or `BEST_OF`."""
    return tag.split(", ") if tag else []
