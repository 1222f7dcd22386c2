"""The model on the validation part: by this trials are ranked, so that the test part chooses none.

Neither intervals nor baselines: what is chosen by a number is no estimate of it any more.
"""

from plait.evaluation.entries import Validation
from plait.evaluation.metrics import Metric
from plait.evaluation.stated import number
from plait.evaluation.task import Assessment, evaluation_of


def on_validation(assessment: Assessment, chosen: dict[str, Metric]) -> Validation | None:
    """Every metric of the test part, of the rows that are set aside, by the same definitions.

    :returns: None where no rows are set aside.
    :raises UserError: for a prediction that is no finite number.
    """
    import numpy as np

    aside, dataset = assessment.set_aside, assessment.dataset
    if aside is None:
        return None
    frame = aside.rows.frame
    truth = evaluation_of(dataset.task).truth(frame, dataset)
    weights = dataset.weights(frame)
    if weights is None:
        weights = np.ones(len(frame))
    return {
        "rows": len(frame),
        "metrics": {
            name: number(float(item.function(truth, aside.prediction, weights)))
            for name, item in chosen.items()
        },
    }
