"""The model on the validation part: by this trials are ranked, so that the test part chooses none.

Neither intervals nor baselines: what is chosen by a number is no estimate of it any more.
"""

from plait.evaluation.decided import values_of
from plait.evaluation.entries import Validation
from plait.evaluation.metrics import Metric
from plait.evaluation.stated import number
from plait.evaluation.task import Assessment, evaluation_of


def on_validation(assessment: Assessment, chosen: dict[str, Metric]) -> Validation | None:
    """Every metric of the test part, of the validation part, by the same definitions.

    :returns: None where there is none.
    :raises UserError: for a prediction that is no finite number.
    """
    dataset = assessment.dataset
    for aside in assessment.set_aside:
        if aside.rows.part == "val":
            frame = aside.rows.frame
            truth = evaluation_of(dataset.task).truth(frame, dataset)
            found = values_of(
                *(chosen, truth, aside.prediction, dataset.weights(frame), assessment.decision)
            )
            metrics = {name: number(value) for name, value in found.items()}
            return {"rows": len(frame), "metrics": metrics}
    return None
