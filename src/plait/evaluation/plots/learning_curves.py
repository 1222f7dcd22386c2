"""The loss after each epoch."""

from typing import TYPE_CHECKING

from plait.evaluation.plots.canvas import BLUE, VERMILION, Canvas, evenly

if TYPE_CHECKING:
    import pandas as pd


def draw_learning_curves(canvas: Canvas, curves: "pd.DataFrame") -> None:
    """Training and validation loss over the epochs."""
    from matplotlib.ticker import MaxNLocator

    losses = [name for name in ("train/loss", "val/loss") if name in curves]
    with canvas.figure(
        "learning_curves",
        "Learning curves",
        "The loss after each epoch: " + ", ".join(losses),
    ) as figure:
        axes = figure.add_subplot()
        # Many checkpoints' worth of epochs need no more points than rows of a scatter do.
        shown = curves.iloc[evenly(len(curves), canvas.settings.max_points)]
        looks = {"train/loss": ("training", BLUE, "-"), "val/loss": ("validation", VERMILION, "--")}
        for name in losses:
            label, colour, dashes = looks[name]
            axes.plot(shown["epoch"], shown[name], dashes, color=colour, label=label)
        values = curves[losses].to_numpy(float)
        if (values > 0).all() and values.max() > 20 * values.min():
            axes.set_yscale("log")
        axes.set(xlabel="Epoch", ylabel="Loss", title="Learning curves")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(losses) > 1:
            axes.legend()
