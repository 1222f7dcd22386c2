"""What the tracking stores no longer need, and what they say of trainings that files belong to."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from plait.errors import UserError
from plait.json_types import Values
from plait.tracking.store.backend import artifact_uri, backend_of
from plait.tracking.store.reaper import open_in_order
from plait.tracking.store.store import Store, translate_errors
from plait.tracking.tags import IDENTITY, NAIVE_VERDICT
from plait.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.entities import Experiment, LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.store.entities import PagedList

Item = TypeVar("Item")


State = Literal["recorded", "finished", "unfinished", "deleted", "none", "unknown"]
"""What the stores say of an identity: its run is complete, is trained but not complete, has not
finished, was deleted, never was; or a store does not answer."""

MOST_AT_ONCE = 1000
"""Runs that MLflow is asked for at once."""


class RunStates:
    """The stores of a checkout, asked what became of identities.

    :param trackings: sections ``tracking`` of configurations; its own store is asked anyway.
    """

    def __init__(self, workspace: Workspace, trackings: Iterable[Values]) -> None:
        self.silent: list[str] = []
        """What those say that do not answer."""
        self.own: Store | None = None
        """The checkout's own store, if it has one."""
        self._stores: list[Store] = []
        if workspace.database.exists():
            self.own = self._open(workspace, {"choice": "local"})
        servers = {repr(section): section for section in trackings if section["choice"] == "server"}
        for section in servers.values():
            self._open(workspace, section)

    def state(self, identity: str) -> State:
        """What became of an identity."""
        condition = f"tags.`{IDENTITY}` = '{identity}'"
        found = [run for store in self._stores for run in all_runs(store, condition)]
        live = [run for run in found if run.info.lifecycle_stage == "active"]
        if any(run.info.status == "FINISHED" for run in live):
            recorded = any(NAIVE_VERDICT in run.data.tags for run in live)
            return "recorded" if recorded else "finished"
        if live:
            return "unfinished"
        if self.silent:
            return "unknown"
        return "deleted" if found else "none"

    def _open(self, workspace: Workspace, section: Values) -> Store | None:
        choice = str(section["choice"])
        settings = {key: value for key, value in section.items() if key != "choice"}
        try:
            with translate_errors(backend_of(workspace, choice, settings).uri):
                store = open_in_order(workspace, choice, settings)
        except UserError as error:
            self.silent.append(str(error))
            return None
        self._stores.append(store)
        return store


def all_runs(store: Store, condition: str = "", deleted_only: bool = False) -> "list[Run]":
    """The runs that meet a condition, those that were deleted too, of all experiments."""
    from mlflow.entities import ViewType

    view = ViewType.DELETED_ONLY if deleted_only else ViewType.ALL
    ids = _experiment_ids(store)

    return _all(
        lambda token: store.client.search_runs(ids, condition, view, MOST_AT_ONCE, page_token=token)
    )


def artifact_garbage(store: Store) -> list[Path]:
    """Folders below ``mlruns/artifacts`` that no run and no model needs which is not deleted.

    A model that is registered is needed, and so is the run that it comes from.
    """
    artifacts = store.workspace.artifacts
    # What is on disk now was in the store before: a run is made first, then its folder.
    run_folders = [path for path in artifacts.glob("*/*") if _is_run_id(path.name)]
    model_folders = list(artifacts.glob("*/models/m-*"))
    dead = {run.info.run_id for run in _dead_runs(store)}
    runs = {run.info.run_id for run in all_runs(store)} - dead
    models = {model.model_id for model in _models(store) if model.source_run_id not in dead}
    return [
        *(path for path in run_folders if path.name not in runs),
        *(path for path in model_folders if path.name not in models),
    ]


def purge(store: Store, folders: Iterable[Path]) -> None:
    """Remove deleted runs for good, their models too, and these folders."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    assert store.backend.local
    database = SqlAlchemyStore(store.backend.uri, artifact_uri(store.workspace.artifacts))
    dead = [run.info.run_id for run in _dead_runs(store)]
    for model in _models(store):
        if model.source_run_id in dead:
            store.client.delete_logged_model(model.model_id)
    # As `mlflow gc` does it, which cannot be told to spare a run.
    for model_id in database._get_deleted_logged_models():
        database._hard_delete_logged_model(model_id)
    for run_id in dead:
        database._hard_delete_run(run_id)
    # The store first: folders that it does not know are found again, should this be interrupted.
    for folder in folders:
        shutil.rmtree(folder)


def _dead_runs(store: Store) -> "list[Run]":
    """Deleted runs without a registered model."""
    versions: list[ModelVersion] = _all(
        lambda token: store.client.search_model_versions(page_token=token)
    )
    registered = {version.model_id for version in versions}
    needed = {version.run_id for version in versions}
    needed |= {model.source_run_id for model in _models(store) if model.model_id in registered}
    deleted = all_runs(store, deleted_only=True)
    return [run for run in deleted if run.info.run_id not in needed]


def _models(store: Store) -> "list[LoggedModel]":
    ids = _experiment_ids(store)
    return _all(lambda token: store.client.search_logged_models(ids, page_token=token))


def _experiment_ids(store: Store) -> list[str]:
    """The ids of all experiments, deleted ones too."""
    from mlflow.entities import ViewType

    view = ViewType.ALL
    found: list[Experiment] = _all(
        lambda token: store.client.search_experiments(view, page_token=token)
    )
    return [str(experiment.experiment_id) for experiment in found]


def _all(ask: "Callable[[str | None], PagedList[Item]]") -> "list[Item]":
    """Everything on all pages; ``ask`` gives the page of a token."""
    found: list[Item] = []
    token: str | None = None
    while True:
        page = ask(token)
        found += page
        token = page.token
        if not token:
            return found


def _is_run_id(name: str) -> bool:
    return len(name) == 32 and set(name) <= set("0123456789abcdef")
