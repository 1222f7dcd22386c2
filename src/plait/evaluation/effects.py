"""What the columns of a table do to a model's answers."""

from typing import TYPE_CHECKING, TypedDict

from plait.evaluation.decided import by_rows
from plait.evaluation.encoded import EncodedRows
from plait.evaluation.entries import Dependence, Importance
from plait.evaluation.importance import importance, permuted_rows
from plait.evaluation.metrics import Metric, of_task
from plait.evaluation.partial_dependence import partial_dependence
from plait.evaluation.settings import Settings
from plait.evaluation.task import Assessment, evaluation_of

if TYPE_CHECKING:
    from plait.models.trained import TrainedModel


class Effects(TypedDict):
    """Entries of ``evaluation.json``."""

    importance: Importance | None
    partial_dependence: list[Dependence]


def effects(
    model: "TrainedModel", assessment: Assessment, primary: Metric, settings: Settings
) -> Effects:
    """The importance of each column, and the partial dependence on the strongest.

    :param assessment: of the test rows.
    :param primary: the main metric; its place takes the task's loss where it is no mean over rows.
    :returns: nothing of a model that does not learn from columns, or where it is not asked for.
    """
    rows = permuted_rows(assessment, settings.importance)
    encoded = (
        EncodedRows.of(model, assessment.test.iloc[rows]) if settings.importance.repeats else None
    )
    if encoded is None:
        return {"importance": None, "partial_dependence": []}
    metric = by_rows(_mean_over_rows(primary, assessment.dataset.task), assessment.decision)
    found = importance(encoded, rows, assessment, metric, settings.importance)
    strongest = [row["name"] for row in found["columns"]][: settings.partial_dependence]
    return {
        "importance": found,
        "partial_dependence": partial_dependence(encoded, rows, assessment, strongest),
    }


def _mean_over_rows(primary: Metric, task: str) -> Metric:
    loss = evaluation_of(task).loss
    if primary.of_rows is not None or loss is None:
        return primary
    return of_task(task)[loss]
