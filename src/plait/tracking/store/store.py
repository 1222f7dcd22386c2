"""Opening the tracking store: created once, its paths mended, and quiet."""

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from plait.json_types import Values
from plait.locks import lock_named
from plait.tracking.mlflow_environment import mlflow_environment
from plait.tracking.store.backend import Backend, artifact_uri, backend_of, sqlite_url
from plait.tracking.store.faults import StoreBroken as StoreBroken
from plait.tracking.store.faults import StoreUnavailable as StoreUnavailable
from plait.tracking.store.faults import check_address, check_own, in_words
from plait.tracking.store.relocate import relocate
from plait.tracking.tags import IDENTITY
from plait.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

LOCK_PATIENCE = 60.0
"""Seconds to wait for another process that creates the store: it takes a few."""

KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"
"""The tag of an experiment by which the UI chooses the pages for training, where it goes by that;
see also `plait.tracking.store.backend.TRAINING_VIEWS`."""


@dataclass(frozen=True)
class Store:
    """An open tracking store."""

    client: "MlflowClient"
    backend: Backend
    workspace: Workspace

    def lock(self) -> "FileLock | nullcontext[None]":
        """Held while something is looked for and made if missing; a server has no such lock."""
        return _lock(self.workspace) if self.backend.local else nullcontext()

    def experiment(self, name: str) -> str:
        """The id of MLflow's experiment ``name``, made or restored if need be."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            # A server decides for itself where artifacts go; a bare database does not.
            beside = artifact_uri(self.workspace.artifacts / name)
            location = None if self.backend.uri.startswith("http") else beside
            try:
                return str(self.client.create_experiment(name, location, {KIND: TRAINING}))
            except MlflowException as error:
                # Another process has just made it.
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                found = self.client.get_experiment_by_name(name)
        assert found is not None
        if found.lifecycle_stage == "deleted":
            self._restore(str(found.experiment_id))
        if KIND not in found.tags:
            self.client.set_experiment_tag(found.experiment_id, KIND, TRAINING)
        return str(found.experiment_id)

    def experiment_ids(self) -> list[str]:
        """All experiments that are not deleted."""
        return [str(experiment.experiment_id) for experiment in self._experiments()]

    def runs(self, condition: str) -> "Iterator[Run]":
        """The runs that meet a condition in MLflow's filter language, the oldest first."""
        ids, token = self.experiment_ids(), None
        while ids:
            page = self.client.search_runs(
                ids, condition, order_by=["attributes.start_time ASC"], page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def find_run(self, identity: str) -> "Run | None":
        """The one run of an identity: of several, which a race can leave, or somebody who restores
        what was deleted, the one that `precedence` puts first.
        """
        return min(self.runs(f"tags.`{IDENTITY}` = '{identity}'"), key=precedence, default=None)

    def _restore(self, experiment: str) -> None:
        """Bring an experiment back without its runs, which MLflow restores with it: whoever deleted
        it deleted them.
        """
        from mlflow.entities import ViewType

        deleted, token = [], None
        while True:
            page = self.client.search_runs(
                [experiment], run_view_type=ViewType.DELETED_ONLY, page_token=token
            )
            deleted += [run.info.run_id for run in page]
            token = page.token
            if not token:
                break
        self.client.restore_experiment(experiment)
        for run_id in deleted:
            self.client.delete_run(run_id)

    def _experiments(self) -> "Iterator[Experiment]":
        token = None
        while True:
            page = self.client.search_experiments(page_token=token)
            yield from page
            token = page.token
            if not token:
                return


def precedence(run: "Run") -> tuple[int, int, str]:
    """The order in which the runs of one identity are taken, the first alone: a finished one goes
    before one that runs, and that before one that failed or was killed; of equals, the oldest.
    """
    rank = {"FINISHED": 0, "RUNNING": 1}.get(run.info.status, 2)
    return rank, run.info.start_time, run.info.run_id


def open_store(workspace: Workspace, tracking_choice: str, tracking_settings: Values) -> Store:
    """Open the store of a tracking choice, and make it if it is missing.

    Paths that a moved or copied checkout left behind are mended; no run is touched. Many processes
    may do this at once.

    :raises UserError: if the choice cannot be used on this machine, or its store is broken.
    :raises mlflow.exceptions.MlflowException: if the store does not answer.
    """
    backend = backend_of(workspace, tracking_choice, tracking_settings)
    prepare_mlflow()
    from mlflow import MlflowClient

    if backend.local:
        database = workspace.database
        check_own(database)
        if not database.exists():
            with _lock(workspace):
                if not database.exists():
                    _create(workspace)
        relocate(workspace)
    else:
        check_address(backend.uri)
    return Store(MlflowClient(backend.uri, registry_uri=backend.uri), backend, workspace)


@contextmanager
def translate_errors(store_address: str) -> Iterator[None]:
    """Turn what MLflow raises for a store that does not work into words for the user.

    :raises StoreUnavailable: if it may answer in a while.
    :raises StoreBroken: if waiting does not help.
    """
    prepare_mlflow()
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, sqlite3.Error, Timeout) as error:
        raise in_words(error, store_address) from error


def prepare_mlflow() -> None:
    """Set MLflow up for this process, before its first import: offline, bounded, quiet."""
    os.environ.update(mlflow_environment(os.environ))
    import mlflow  # noqa: F401  # sets its loggers up when it is imported

    # These print a traceback or a retry and then raise the same error, which plait reports.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def import_pyfunc() -> ModuleType:
    """The module ``mlflow.pyfunc``, without the warning about its own annotations."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        return import_module("mlflow.pyfunc")


def _lock(workspace: Workspace) -> FileLock:
    return lock_named(workspace, "store", LOCK_PATIENCE)


def _create(workspace: Workspace) -> None:
    """Create the database whole or not at all: beside its place, then renamed.

    Processes that open a missing database at once die in its migrations, and one that is killed
    there leaves it broken.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    database = workspace.database
    database.parent.mkdir(parents=True, exist_ok=True)
    unfinished = database.with_name(".mlflow.db.unfinished")
    for leftover in database.parent.glob(f"{unfinished.name}*"):
        leftover.unlink()
    # A folder that can't be written fails here: MLflow would try for minutes.
    unfinished.touch()
    store = SqlAlchemyStore(sqlite_url(unfinished), artifact_uri(workspace.artifacts))
    store.engine.dispose()
    connection = sqlite3.connect(unfinished)
    # Readers and a writer at once; contended writes take half the time. Stays with the file.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    os.replace(unfinished, database)
