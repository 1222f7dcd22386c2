"""Predictions over time."""

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.data.dataset import Dataset
from plait.evaluation.plots.canvas import BLUE, INK, MUTED, Canvas, evenly

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.dates import AutoDateLocator

PANELS = 6
"""Groups up to which each gets a panel over time."""


@dataclass(frozen=True)
class Line:
    """What is drawn of each row."""

    predicted: "np.ndarray"
    """Float64, (rows,): a number, or the probability of a class."""
    label: str
    """What that is."""
    actual: "np.ndarray | None"
    """Float64, (rows,), drawn beside it; None of a probability, beside which one half is drawn."""


def draw_over_time(canvas: Canvas, line: Line, test: "pd.DataFrame", dataset: Dataset) -> None:
    """Prediction and truth over time, beside the price where there is one; a row a group."""
    import numpy as np
    import pandas as pd

    (time,) = dataset.names("time")
    price = "close" if "close" in dataset.names("extra") else None
    names = dataset.names("group") or [name for name in dataset.names("extra") if name == "ticker"]
    groups = test[names[0]].astype(str).to_numpy() if names else np.full(len(test), "")
    shown: list[str] = sorted(set(groups.tolist()))[:PANELS]
    days = pd.to_datetime(test[time]).to_numpy()
    of_price = "Price and prediction" if price else "Prediction"
    with canvas.figure(
        "over_time",
        f"{of_price} over time",
        f"{of_price} of {dataset.target} on the test part's days"
        + (f", for {', '.join(shown)}" if names else ""),
        height=max(1.0, 0.42 * len(shown) + 0.25),
    ) as figure:
        panels = figure.subplots(
            len(shown),
            2 if price else 1,
            sharex=True,
            squeeze=False,
            width_ratios=(2, 3) if price else None,
        )
        for group, row in zip(shown, panels, strict=True):
            (places,) = np.nonzero(groups == group)
            places = places[np.argsort(days[places], kind="stable")]
            places = places[evenly(len(places), canvas.settings.max_points)]
            if price:
                row[0].plot(days[places], test[price].to_numpy()[places], color=INK, linewidth=1.3)
                row[0].set_ylabel(group)
            _draw_line(row[-1], days[places], line, places)
            if not price and group:
                row[-1].set_ylabel(group)
        if price:
            panels[0][0].set_title("Price")
        panels[0][-1].set_title(textwrap.shorten(line.label, 28, placeholder="…"))
        if line.actual is not None:
            handles, texts = panels[0][-1].get_legend_handles_labels()
            figure.legend(handles, texts, loc="outside lower right", ncols=2)
        for axes in panels[-1]:
            mark_dates(axes)


def _draw_line(axes: "Axes", days: "np.ndarray", line: Line, places: "np.ndarray") -> None:
    """A group's rows.

    :param days: (rows of the group,).
    :param places: their numbers among all rows.
    """
    if line.actual is not None:
        axes.plot(days, line.actual[places], color="#aeb8c3", linewidth=0.8, label="actual")
    else:
        axes.axhline(0.5, color=MUTED, linewidth=1, linestyle="--")
    axes.plot(days, line.predicted[places], color=BLUE, linewidth=1.5, label="predicted")


def mark_dates(axes: "Axes") -> None:
    """Few ticks, that say no more than tells them apart."""
    from matplotlib.dates import ConciseDateFormatter

    locator = date_locator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def date_locator() -> "AutoDateLocator":
    """Two to five ticks for any span of time.

    Matplotlib's steps reach half of the next larger unit, so that it finds none, and warns, where
    the most ticks are fewer than twice the least and one.
    """
    from matplotlib.dates import AutoDateLocator

    return AutoDateLocator(minticks=2, maxticks=5)
