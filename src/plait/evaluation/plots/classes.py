"""Predicted classes beside true ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plait.evaluation.entries import Confusion
from plait.evaluation.plots.canvas import BLUE, INK, MUTED, SERIES, Canvas

if TYPE_CHECKING:
    import numpy as np

LARGEST_LABELLED = 20
"""Classes up to which a confusion matrix has its counts written into its cells."""

ROC_CURVES = len(SERIES)
"""Classes up to which each gets a ROC curve of its own."""


def draw_confusion(canvas: Canvas, confusion: Confusion) -> None:
    """Counts by actual and predicted class.

    :param confusion: ``labels`` and ``counts``, (actual, predicted).
    """
    import numpy as np

    labels, counts = confusion["labels"], np.array(confusion["counts"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    longest = max(len(label) for label in labels)
    with canvas.figure(
        "confusion",
        "Confusion matrix",
        "How many test rows of each actual class were predicted as each class;"
        " right predictions are on the diagonal",
        height=min(2.0, 1.0 + 0.05 * len(labels)),
    ) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.grid(visible=False)
        if len(labels) <= LARGEST_LABELLED:
            for (row, column), count in np.ndenumerate(counts):
                dark = shares[row, column] > 0.55
                axes.text(
                    column,
                    row,
                    f"{count:,}",
                    ha="center",
                    va="center",
                    color="white" if dark else (INK if count else "#b4bdc7"),
                    fontsize=14 if len(labels) <= 4 else 10,
                )
            rotation = 45 if longest > 4 and len(labels) > 3 else 0
            axes.set_xticks(
                range(len(labels)), labels, rotation=rotation, ha="right" if rotation else "center"
            )
            axes.set_yticks(range(len(labels)), labels)
        axes.set(xlabel="Predicted class", ylabel="Actual class", title="Confusion matrix")
        bar = figure.colorbar(image, ax=axes, shrink=0.9)
        bar.set_label("Share of the actual class")
        bar.outline.set_visible(False)


def draw_roc(
    canvas: Canvas,
    actual: "np.ndarray",
    prediction: "np.ndarray",
    classes: Sequence[str],
    exclusive: bool,
) -> None:
    """The ROC curve of each class, or of all together.

    :param actual: which classes each row has, bool, (rows, classes).
    :param prediction: their probabilities, float64, (rows, classes).
    :param exclusive: whether each row has one class: of two, one curve then says all.
    """
    from sklearn.metrics import roc_curve

    if not actual.any(axis=0).all() or actual.all(axis=0).any():
        return  # Without rows of every class, and others, there is no such curve.
    with canvas.figure(
        "roc",
        "ROC curve",
        "The share of a class that is found over the share of other rows that are taken for it,"
        " as the threshold moves; the diagonal is guessing",
        height=1.2,
        square=True,
    ) as figure:
        axes = figure.add_subplot()
        axes.plot((0, 1), (0, 1), color=MUTED, linewidth=1.2, linestyle="--", label="guessing")
        if len(classes) == 2 and exclusive:
            false, true, _ = roc_curve(actual[:, 1], prediction[:, 1])
            axes.plot(false, true, color=BLUE, label=f"class {classes[1]}")
        elif len(classes) <= ROC_CURVES:
            for number, label in enumerate(classes):
                false, true, _ = roc_curve(actual[:, number], prediction[:, number])
                axes.plot(false, true, color=SERIES[number], label=f"{label} against the rest")
        else:
            false, true, _ = roc_curve(actual.ravel(), prediction.ravel())
            axes.plot(false, true, color=BLUE, label="all classes together (micro average)")
        axes.set_aspect("equal")
        axes.set(
            xlim=(-0.02, 1.02),
            ylim=(-0.02, 1.02),
            xlabel="False positive rate",
            ylabel="True positive rate",
            title="ROC curve",
        )
        axes.legend(loc="lower right")
