"""What a recorded run keeps, read back so that a rebuilt one can be held against it."""

from pathlib import Path
from typing import TYPE_CHECKING

from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.tracking.record import source_patch
from plait.tracking.record.exported import NETWORK
from plait.tracking.record.logged_model import logged_model_id
from plait.tracking.runs import artifacts_gone, set_tags
from plait.tracking.store.store import Store, translate_errors
from plait.tracking.tags import MEASURED_BY

if TYPE_CHECKING:
    import numpy as np
    from mlflow.entities import Run


class ArchivedRun:
    """A run of the tracking store. What has to be fetched is fetched when it is asked for.

    :param folder: where what is fetched from a server may lie.
    """

    def __init__(self, store: Store, run: "Run", folder: Path) -> None:
        self._store = store
        self._run = run
        self._folder = folder
        self.run_id = str(run.info.run_id)
        self.name = str(run.info.run_name)
        self.status = str(run.info.status)
        self.ended: int | None = run.info.end_time
        """Milliseconds since the epoch."""
        self.tags: dict[str, str] = run.data.tags

    @property
    def shown(self) -> dict[str, float]:
        """The value of each metric that the store shows: of a curve, the last one."""
        return dict(self._run.data.metrics)

    def points(self) -> dict[str, dict[int, float]]:
        """The history of each metric by step; where one was measured again, the later value."""
        with translate_errors(self._store.backend.uri):
            return {
                key: {
                    point.step: point.value
                    for point in sorted(
                        self._store.client.get_metric_history(self.run_id, key),
                        key=lambda point: point.timestamp,
                    )
                }
                for key in sorted(self.shown)
            }

    def configuration(self) -> Resolved | None:
        """The resolved configuration by the keys of its commit; None if the run was not recorded
        to its end.

        :raises UserError: if it was, and its artifacts are gone.
        """
        path = self._artifact("config/resolved.yaml")
        if path is None and MEASURED_BY in self.tags:
            raise UserError(artifacts_gone(self._run))
        return None if path is None else Resolved.read(path)

    def patch(self) -> bytes | None:
        """The patch of what was not committed."""
        path = self._artifact(source_patch.ARTIFACT)
        return None if path is None else path.read_bytes()

    def predictions(self) -> Path | None:
        """The predictions of the test rows, as `evaluate` wrote them."""
        return self._artifact("results/predictions.parquet")

    def network_weights(self) -> "dict[str, np.ndarray] | None":
        """The weights, by name, of a network that is logged as a model, if they can be read."""
        import torch
        from mlflow.artifacts import download_artifacts

        with translate_errors(self._store.backend.uri):
            model_id = logged_model_id(self._store, self._run)
            if model_id is None:
                return None
            folder = download_artifacts(
                artifact_uri=self._store.client.get_logged_model(model_id).artifact_location,
                tracking_uri=self._store.backend.uri,
                dst_path=str(self._folder),
            )
        for path in Path(folder).rglob(NETWORK):
            try:
                weights = torch.export.load(path).state_dict
            except Exception:  # a file of another torch, or a damaged one, fails in many ways
                return None
            return {key: value.detach().double().numpy() for key, value in weights.items()}
        return None

    def set_tag(self, key: str, value: str) -> None:
        """Say something of the run."""
        with translate_errors(self._store.backend.uri):
            set_tags(self._store, self.run_id, {key: value})

    def _artifact(self, path: str) -> Path | None:
        with translate_errors(self._store.backend.uri):
            listed = self._store.client.list_artifacts(self.run_id, path.rpartition("/")[0])
            if path not in {file.path for file in listed}:
                return None
            return Path(self._store.client.download_artifacts(self.run_id, path, str(self._folder)))
