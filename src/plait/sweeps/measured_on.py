"""Which rows a trial's score was measured on: what makes two scores comparable."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from plait.config.resolved import Resolved
from plait.data.dataset import Part
from plait.errors import UserError
from plait.evaluation.same_rows import rows_digest, rows_of_part, tested
from plait.sweeps.trial import outputs_of
from plait.sweeps.trial_data import data_digest
from plait.tracking.query.run import get_run
from plait.tracking.sections import CV, VALIDATION
from plait.tracking.store.store import Store, StoreUnavailable
from plait.tracking.tags import VALIDATED_ON
from plait.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

StoreOf = Callable[[Resolved], Store]

MEASURING: dict[str, Part] = {"train": "train", CV: "train", "val": "val", VALIDATION: "val"}
"""The part that metrics of a section are measured on; those of any other section, on the test
part."""


def measured_on(
    workspace: Workspace, resolved: Resolved, run_id: str, by: str, store_of: StoreOf
) -> str:
    """`rows_digest` of the rows behind a metric.

    Where they are not at hand any more, it is the digest of all that decides on the data.

    :param by: the metric's name.
    :param store_of: opens the store that the run is in, if that has to be asked.
    :raises StoreUnavailable: if the store does not answer.
    """
    part = MEASURING.get(by.partition("/")[0])
    if part is None:
        asked = _tested_on(workspace, resolved, run_id, store_of)
    else:
        asked = rows_of_part(workspace.trial_data(data_digest(resolved)), part)
        if asked is None and part == "val":
            return _validated_on(resolved, run_id, store_of) or data_digest(resolved)
    return data_digest(resolved) if asked is None else rows_digest(resolved, asked)


def _validated_on(resolved: Resolved, run_id: str, store_of: StoreOf) -> str | None:
    """What the run says of its validation rows."""
    try:
        return get_run(store_of(resolved), run_id).tags.get(VALIDATED_ON)
    except StoreUnavailable:
        raise
    except UserError:
        return None  # that is gone


def _tested_on(
    workspace: Workspace, resolved: Resolved, run_id: str, store_of: StoreOf
) -> "pd.DataFrame | None":
    import pandas as pd

    data = workspace.trial_data(data_digest(resolved))
    file = outputs_of(workspace, resolved, data)["evaluation"] / "predictions.parquet"
    if file.exists():
        predictions = pd.read_parquet(file)
    else:
        try:
            predictions = get_run(store_of(resolved), run_id).predictions
        except StoreUnavailable:
            raise
        except UserError:
            return None  # whose artifacts are gone
    return tested(predictions)
