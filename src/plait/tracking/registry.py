"""MLflow's model registry: one registered model an experiment, whose best version is its champion.

A version's source is the path of the logged model, never ``models:/…``: that, MLflow would look up
in the store of its global tracking URI, whichever client asks.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.tracking.limits import LONGEST_TAG
from plait.tracking.query.run import RecordedRun
from plait.tracking.store.store import Store
from plait.tracking.tags import BEATEN, FORCED, IDENTITY

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
"""The alias of the version to use: ``models:/EXPERIMENT@champion``."""


@dataclass(frozen=True)
class Candidate:
    """A run's logged model, and the registered model that it may become the champion of."""

    run: RecordedRun
    model_id: str
    model: str
    """The registered model's name: the experiment that it was first a run of, where MLflow keeps
    it also when it is promoted to an experiment of its own."""


@dataclass(frozen=True)
class Champion:
    """The version that has the alias."""

    model: str
    version: str
    run_id: str


def candidate(run: RecordedRun) -> Candidate | None:
    """What of a run can be registered; None if its model was not kept."""
    model_id = run.model_id
    if model_id is None:
        return None
    name = str(run.store.client.get_experiment(run.experiment_id).name)
    return Candidate(run, model_id, name)


def champion_of(store: Store, model: str) -> Champion | None:
    """The present champion of a registered model; None without such a model or alias."""
    from mlflow.exceptions import MlflowException

    try:
        return _champion(store.client.get_model_version_by_alias(model, CHAMPION))
    except MlflowException as error:
        # The second is what MLflow says of an alias that no version has.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def run_of(store: Store, champion: Champion) -> RecordedRun | None:
    """The run that a champion comes from; None if it has been deleted for good."""
    from mlflow.exceptions import MlflowException

    try:
        return RecordedRun(store, store.client.get_run(champion.run_id))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def make_champion(candidate: Candidate, beaten: str, forced: str | None) -> Champion:
    """Give the alias to a candidate, registered if it is not yet.

    :param beaten: what it beat, and by how much.
    :param forced: why the gate was overridden, if it was.
    """
    run, model = candidate.run, candidate.model
    client = run.store.client
    tags = {"plait.run": run.name, IDENTITY: run.tags[IDENTITY], BEATEN: beaten}
    if forced is not None:
        tags[FORCED] = forced
    with run.store.lock():
        found = _version_of(candidate)
        for key, value in tags.items():
            client.set_model_version_tag(model, found.version, key, value[:LONGEST_TAG])
        # It may pass the gate today.
        if forced is None and FORCED in found.tags:
            client.delete_model_version_tag(model, found.version, FORCED)
        client.set_registered_model_alias(model, CHAMPION, found.version)
    if forced is not None:
        run.set_tags({FORCED: forced})
    elif FORCED in run.tags:
        run.delete_tag(FORCED)
    return _champion(found)


def _version_of(candidate: Candidate) -> "ModelVersion":
    """The version of a candidate, made if need be."""
    from mlflow.exceptions import MlflowException

    client, model = candidate.run.store.client, candidate.model
    run_id, model_id = candidate.run.run_id, candidate.model_id
    logged = client.get_logged_model(model_id)
    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    for version in client.search_model_versions(f"run_id = '{run_id}'"):
        if version.name == model and version.source == logged.artifact_location:
            return version
    version = client.create_model_version(
        model, logged.artifact_location, run_id=run_id, model_id=model_id
    )
    # By this the UI shows the version beside the run. A server sets it too, to the same value.
    listed = json.loads(logged.tags.get("mlflow.modelVersions", "[]"))
    listed.append({"name": model, "version": version.version})
    client.set_logged_model_tags(model_id, {"mlflow.modelVersions": json.dumps(listed)})
    return version


def _champion(version: "ModelVersion") -> Champion:
    return Champion(str(version.name), str(version.version), str(version.run_id))
