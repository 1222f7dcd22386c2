"""Predicted numbers beside true ones."""

from typing import TYPE_CHECKING

from plait.evaluation.plots.canvas import BLUE, VERMILION, Canvas, evenly

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes


def draw_predicted_against_true(
    canvas: Canvas, truth: "np.ndarray", prediction: "np.ndarray", name: str, unit: str
) -> None:
    """Each row's prediction over its truth.

    :param name: of the target.
    :param unit: of the target; empty for none.
    """
    with canvas.figure(
        "predicted_against_true",
        "Predicted against true",
        f"Each test row's predicted {name} over its true one; perfect predictions lie on the line",
        height=1.2,
        square=True,
    ) as figure:
        axes = figure.add_subplot()
        chosen = evenly(len(truth), canvas.settings.max_points)
        _scatter(axes, truth[chosen], prediction[chosen])
        ends = (min(truth.min(), prediction.min()), max(truth.max(), prediction.max()))
        axes.plot(ends, ends, color=VERMILION, linewidth=1.5, label="perfect")
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(
            xlabel=_labelled(f"True {name}", unit),
            ylabel=_labelled(f"Predicted {name}", unit),
            title="Predicted against true",
        )
        axes.legend(loc="upper left")


def draw_residuals(
    canvas: Canvas, truth: "np.ndarray", prediction: "np.ndarray", name: str, unit: str
) -> None:
    """What is left of the truth, over the prediction, and how often each size occurs.

    :param name: of the target.
    :param unit: of the target; empty for none.
    """
    with canvas.figure(
        "residuals",
        "Residuals",
        f"True less predicted {name}, over the prediction, and how often each size occurs;"
        " good residuals scatter evenly around zero",
    ) as figure:
        scatter, histogram = figure.subplots(1, 2, width_ratios=(3, 1), sharey=True)
        residual = truth - prediction
        chosen = evenly(len(truth), canvas.settings.max_points)
        _scatter(scatter, prediction[chosen], residual[chosen])
        scatter.axhline(0, color=VERMILION, linewidth=1.5)
        scatter.set(
            xlabel=_labelled(f"Predicted {name}", unit),
            ylabel=_labelled("True less predicted", unit),
            title="Residuals",
        )
        histogram.hist(
            residual,
            bins=min(40, max(5, len(residual) // 10)),
            orientation="horizontal",
            color=BLUE,
            alpha=0.75,
        )
        histogram.axhline(0, color=VERMILION, linewidth=1.5)
        histogram.set_xlabel("Rows")
        histogram.grid(axis="y", visible=False)
        scatter.locator_params(axis="x", nbins=5)
        histogram.locator_params(axis="x", nbins=2)


def _scatter(axes: "Axes", x: "np.ndarray", y: "np.ndarray") -> None:
    """Points that stay readable from ten rows to thousands."""
    small = len(x) > 400
    axes.plot(
        x,
        y,
        "o",
        color=BLUE,
        markersize=3 if small else 5,
        alpha=0.35 if small else 0.6,
        markeredgewidth=0,
    )


def _labelled(text: str, unit: str) -> str:
    return f"{text} ({unit})" if unit else text
