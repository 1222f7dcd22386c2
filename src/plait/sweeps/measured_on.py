"""Which rows a trial's score was measured on: what makes two scores comparable."""

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from plait.artifacts import Workspace
from plait.config.resolved import Resolved
from plait.data.dataset import Dataset, Part, read_part
from plait.errors import UserError
from plait.sweeps.trial import outputs_of
from plait.sweeps.trial_data import data_digest, data_folder
from plait.tracking.load import LoadedRun
from plait.tracking.store import Store, StoreSilent, said_plainly

if TYPE_CHECKING:
    import pandas as pd

StoreOf = Callable[[Resolved], Store]

MEASURING: dict[str, Part] = {"train": "train", "val": "val"}
"""By the section of a metric, the part it is measured on; of any other section, the test part."""


def measured_on(
    workspace: Workspace, resolved: Resolved, run_id: str, by: str, store_of: StoreOf
) -> str:
    """A digest of the rows behind a metric: two trials share it if both were asked the same.

    That is: the same rows of the same files, with the same right answers, whatever else of their
    data differs, such as how many rows are trained on. Where the rows are not at hand any more,
    it is the digest of all that decides on the data.

    :param by: the metric's name.
    :param store_of: opens the store that the run is in, if that has to be asked.
    :raises StoreSilent: if the store does not answer.
    """
    part = MEASURING.get(by.partition("/")[0])
    asked = (
        _tested_on(workspace, resolved, run_id, store_of)
        if part is None
        else _rows_of(workspace, resolved, part)
    )
    if asked is None:
        return data_digest(resolved)
    hasher = hashlib.sha256()
    described = [resolved.choice("data"), resolved["files"], list(asked)]
    hasher.update(json.dumps(described).encode())
    for name in ("row", "truth"):
        values = asked[name]
        text = values.dtype == object or values.dtype == "str"
        hasher.update(json.dumps(values.tolist()).encode() if text else values.to_numpy().tobytes())
    return hasher.hexdigest()[:32]


def _rows_of(workspace: Workspace, resolved: Resolved, part: Part) -> "pd.DataFrame | None":
    folder = data_folder(workspace, data_digest(resolved))
    frame = read_part(folder, part)
    if frame is None:
        return None
    target = Dataset.read(folder).target
    return frame[["row", target]].rename(columns={target: "truth"})


def _tested_on(
    workspace: Workspace, resolved: Resolved, run_id: str, store_of: StoreOf
) -> "pd.DataFrame | None":
    """The test rows, and a column a class."""
    import pandas as pd

    data = data_folder(workspace, data_digest(resolved))
    file = outputs_of(workspace, resolved, data).evaluation / "predictions.parquet"
    if file.exists():
        predictions = pd.read_parquet(file)
    else:
        try:
            store = store_of(resolved)
            with said_plainly(store.backend.uri):
                predictions = LoadedRun(store, store.client.get_run(run_id)).predictions
        except StoreSilent:
            raise
        except UserError:
            return None  # whose artifacts are gone
    classes = [name for name in predictions if str(name).startswith("probability_")]
    return predictions[["row", "truth", *classes]]
