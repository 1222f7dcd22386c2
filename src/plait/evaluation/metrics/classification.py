"""Metrics of classes and their probabilities, whether a row has one of them or several.

The predicted class is the most probable one; of equally probable ones, the first. Of several, they
are those with a probability of one half or more. Macro means are over the classes that occur or are
predicted; one that is never predicted has precision 0.
"""

from typing import TYPE_CHECKING

from plait.evaluation.metrics import metric
from plait.tasks.multilabel.threshold import chosen

if TYPE_CHECKING:
    import numpy as np

BOTH: tuple[str, ...] = ("classification", "multilabel")


def right_rows(truth: "np.ndarray", prediction: "np.ndarray") -> "np.ndarray":
    """1.0 of a row whose class, or all of whose classes, were predicted, else 0.0; (rows,)."""
    import numpy as np

    right: np.ndarray = (
        (chosen(prediction) == (truth == 1)).all(axis=1)
        if truth.ndim == 2
        else truth == prediction.argmax(axis=1)
    )
    return right.astype(np.float64)


def log_losses(truth: "np.ndarray", prediction: "np.ndarray") -> "np.ndarray":
    """-log(probability of what is so), in nats, (rows,); of several classes, their mean.

    Probabilities of 0 and 1 are moved by float64's epsilon, as scikit-learn does.
    """
    import numpy as np

    least = np.finfo(np.float64).eps
    so = (
        np.where(truth == 1, prediction, 1 - prediction)
        if truth.ndim == 2
        else prediction[np.arange(len(truth)), truth][:, None]
    )
    losses: np.ndarray = -np.log(so.clip(least, 1 - least)).mean(axis=1)
    return losses


@metric(task=BOTH, direction="maximize", title="Accuracy", of_rows=right_rows, takes="answers")
def accuracy(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The share of rows whose class was predicted; of several classes, all of them and no other."""
    import numpy as np

    return float(np.average(right_rows(truth, prediction), weights=weights))


@metric(task="classification", direction="maximize", title="Balanced accuracy", takes="answers")
def balanced_accuracy(
    truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray"
) -> float:
    """The mean of the recalls of the classes that occur."""
    import numpy as np

    _, recall, _ = by_class(truth, prediction, weights)
    return float(np.nanmean(recall))


@metric(task=BOTH, direction="maximize", title="Precision (macro)", takes="answers")
def precision_macro(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean over classes of: predicted rightly / predicted."""
    return _macro(0, truth, prediction, weights)


@metric(task=BOTH, direction="maximize", title="Recall (macro)", takes="answers")
def recall_macro(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean over classes of: predicted rightly / occurring."""
    return _macro(1, truth, prediction, weights)


@metric(task=BOTH, direction="maximize", title="F1 (macro)", takes="answers")
def f1_macro(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean over classes of the harmonic mean of precision and recall."""
    return _macro(2, truth, prediction, weights)


@metric(task=BOTH, direction="maximize", title="ROC-AUC")
def roc_auc(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The area under the ROC curve; of more than two classes, the mean of one against the rest.

    Undefined unless every class occurs; of several in a row, the mean is over those that do.
    """
    import numpy as np

    several = truth.ndim == 2
    occurs = truth == 1 if several else truth[:, None] == np.arange(prediction.shape[1])
    two_sided = occurs.any(axis=0) & ~occurs.all(axis=0)
    if not several and not two_sided.all():
        return float("nan")
    # Of two exclusive classes one area is the other.
    classes = [1] if not several and len(two_sided) == 2 else np.flatnonzero(two_sided)
    areas = [_area(occurs[:, each], prediction[:, each], weights) for each in classes]
    return float(np.mean(areas)) if areas else float("nan")


def _area(occurs: "np.ndarray", probability: "np.ndarray", weights: "np.ndarray") -> float:
    """The area under the ROC curve of one class, by NumPy as `by_class` is.

    :param occurs: bool, (rows,): some of them true, some not.
    """
    import numpy as np

    order = np.argsort(-probability, kind="stable")
    # A point of the curve for each distinct probability, the highest first.
    last = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)
    drawn = weights[order]
    found, wrong = (np.cumsum(drawn * side)[last] for side in (occurs[order], ~occurs[order]))
    area = np.trapezoid(np.append(0.0, found), np.append(0.0, wrong))
    return float(area / (found[-1] * wrong[-1]))


@metric(task=BOTH, direction="minimize", title="Log loss", of_rows=log_losses)
def log_loss(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> float:
    """The mean of -log(probability of the class that occurred), in nats.

    Of several in a row, the mean over rows and classes of -log(probability of what is so).
    """
    import numpy as np

    return float(np.average(log_losses(truth, prediction), weights=weights))


def by_class(truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray") -> "np.ndarray":
    """Precision, recall and F1 of every class, (3, classes).

    All from one confusion matrix, counted by NumPy: scikit-learn checks its inputs for a hundred
    times as long, which over all resamples is most of an evaluation's time. NaN where 0 / 0:
    precision of a class that is never predicted, recall of one that does not occur, F1 of one that
    is neither.
    """
    import numpy as np

    right, occurring, predicted = counts_by_class(truth, prediction, weights)
    with np.errstate(invalid="ignore"):
        return np.stack((right / predicted, right / occurring, 2 * right / (occurring + predicted)))


def counts_by_class(
    truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray"
) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """The weight of the rows of every class that were predicted rightly, that occur, and that were
    predicted; (classes,) each.
    """
    import numpy as np

    if truth.ndim == 2:
        said = chosen(prediction)
        return weights @ (said & (truth == 1)), weights @ truth, weights @ said
    classes = prediction.shape[1]
    cells = truth * classes + prediction.argmax(axis=1)
    counts = np.bincount(cells, weights, minlength=classes**2).reshape(classes, classes)
    return counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)


def _macro(
    score: int, truth: "np.ndarray", prediction: "np.ndarray", weights: "np.ndarray"
) -> float:
    """The mean of a score over the classes that occur or are predicted; 0 / 0 counts as 0."""
    import numpy as np

    scores = by_class(truth, prediction, weights)
    met = ~np.isnan(scores[2])
    return float(np.nan_to_num(scores[score][met]).mean())
