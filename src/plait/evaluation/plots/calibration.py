"""Probabilities beside how often they come true."""

from plait.evaluation.entries import Calibration
from plait.evaluation.notation import percent, readable
from plait.evaluation.plots.canvas import BLUE, MUTED, Canvas


def draw_calibration(canvas: Canvas, calibration: Calibration, level: float) -> None:
    """The calibration curve, with an interval at each bin.

    :param level: of the intervals.
    """
    bins = calibration["bins"]
    counts = [each["rows"] for each in bins]
    fewest, most = readable(min(counts)), readable(max(counts))
    with canvas.figure(
        "calibration",
        "Calibration curve",
        f"How often {calibration['of']} came true over the probability that the model gave it, in"
        f" {len(bins)} bins of {fewest if fewest == most else f'{fewest} to {most}'} test rows,"
        f" with {percent(level)} intervals; probabilities that can be taken at their word lie on"
        " the diagonal",
        height=1.2,
        square=True,
    ) as figure:
        axes = figure.add_subplot()
        axes.plot((0, 1), (0, 1), color=MUTED, linewidth=1.2, linestyle="--", label="as stated")
        stated = [each["stated"] for each in bins]
        axes.vlines(
            stated,
            [each["low"] for each in bins],
            [each["high"] for each in bins],
            color=BLUE,
            linewidth=2,
            alpha=0.5,
        )
        axes.plot(stated, [each["frequency"] for each in bins], "o-", color=BLUE, label="met")
        axes.set_aspect("equal")
        axes.set(
            xlim=(-0.02, 1.02),
            ylim=(-0.02, 1.02),
            xlabel=f"Probability of {calibration['of']}",
            ylabel="Share of rows in which it came true",
            title="Calibration curve",
        )
        axes.legend(loc="upper left")
