"""What a model says on average over the values of its strongest columns."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from plait.evaluation.entries import Dependence
from plait.evaluation.notation import listed, percent
from plait.evaluation.partial_dependence import BAND
from plait.evaluation.plots.canvas import INK, SERIES, Canvas
from plait.evaluation.plots.over_time import mark_dates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = ("date", "number")
"""Types of columns over which a line is drawn; over categories there are bars."""

PANEL, BAR = 0.62, 0.07
"""Height of a panel with lines, and of each bar, as multiples of the configured one."""

LONGEST = 24
"""Characters of a category."""


def draw_partial_dependence(canvas: Canvas, found: Sequence[Dependence]) -> None:
    """A panel a column, below one another, each on a scale of its own."""
    names = listed([each["column"] for each in found])
    several = len(found[0]["lines"]) > 1
    heights = [_height(each) for each in found]
    with canvas.figure(
        "partial_dependence",
        "Partial dependence",
        f"The mean prediction as {names} {'takes' if len(found) == 1 else 'take'} one value after"
        " the other in all rows, the other columns as they are, each on a scale of its own; the"
        f" band, or the thin line of a bar, holds the middle {percent(BAND)} of the rows' own"
        " curves, moved to the same mean",
        height=sum(heights),
    ) as figure:
        panels = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
        for place, (each, axes) in enumerate(zip(found, panels, strict=True)):
            lines = each["type"] in LINES
            (_draw_lines if lines else _draw_bars)(axes, each)
            unit = f" ({each['unit']})" if each["unit"] else ""
            said = textwrap.shorten(each["lines"][0]["label"], 28, placeholder="…")
            said = "Mean P(class)" if several else f"Mean {said}"
            if lines:
                axes.set(xlabel=f"{each['column']}{unit}", ylabel=said)
            else:
                axes.set(xlabel=said, ylabel=each["column"])
            if place == 0:
                axes.set_title("Partial dependence")
        if several:
            handles, labels = panels[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower right", ncols=len(labels))


def _height(each: Dependence) -> float:
    if each["type"] in LINES:
        return PANEL
    return 0.3 + BAR * len(each["points"]) * (1 + 0.35 * (len(each["lines"]) - 1))


def _draw_lines(axes: "Axes", each: Dependence) -> None:
    import numpy as np

    if each["type"] == "date":
        # Without their zone, which is UTC for all.
        points = np.array([str(point)[:26].removesuffix("+00:00") for point in each["points"]])
        points = points.astype("datetime64[us]")
    else:
        points = np.array(each["points"])
    for line, colour in zip(each["lines"], SERIES, strict=False):
        axes.fill_between(points, line["low"], line["high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(points, line["mean"], "o-", color=colour, markersize=4, label=line["label"])
    if each["type"] == "date":
        mark_dates(axes)
    else:
        axes.locator_params(axis="x", nbins=6)
    axes.locator_params(axis="y", nbins=5)


def _draw_bars(axes: "Axes", each: Dependence) -> None:
    """Bars from the mean over the categories, so that short ones do little."""
    import numpy as np

    rows, count = np.arange(len(each["points"])), len(each["lines"])
    thick = 0.75 / count
    for number, (line, colour) in enumerate(zip(each["lines"], SERIES, strict=False)):
        mean = np.array(line["mean"])
        middle = mean.mean()
        places = rows + (number - (count - 1) / 2) * thick
        axes.barh(
            places, mean - middle, thick, left=middle, color=colour, alpha=0.7, label=line["label"]
        )
        axes.hlines(places, line["low"], line["high"], color=INK, linewidth=1)
        axes.axvline(middle, color=colour, linewidth=1)
    shown = [textwrap.shorten(str(point), LONGEST, placeholder="…") for point in each["points"]]
    axes.set_yticks(rows, shown)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.locator_params(axis="x", nbins=5)
