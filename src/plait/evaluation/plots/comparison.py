"""The primary metric of a model beside those of its baselines."""

import textwrap

from plait.evaluation.entries import Evaluation, Stated, interval_of
from plait.evaluation.notation import percent
from plait.evaluation.plots.canvas import BLUE, MUTED, Canvas


def draw_comparison(canvas: Canvas, evaluation: Evaluation) -> None:
    """The primary metric of the model and its baselines, with intervals."""
    primary = evaluation["primary"]
    entry = evaluation["metrics"][primary]
    measured: list[tuple[str, Stated, str]] = [("this model", entry, BLUE)]
    measured += [
        (other["title"], other["metrics"][primary], MUTED)
        for other in evaluation["baselines"].values()
    ]
    rows = [
        (title, value, interval_of(stated), colour)
        for title, stated, colour in measured
        if (value := stated["value"]) is not None
    ]
    if not rows:
        return
    wish = "lower is better" if entry["direction"] == "minimize" else "higher is better"
    with canvas.figure(
        "comparison",
        f"{entry['title']} beside the baselines",
        f"{entry['title']} of the model and of each baseline, with"
        f" {percent(evaluation['level'])} intervals; {wish}",
        height=0.4 + 0.13 * len(rows),
    ) as figure:
        axes = figure.add_subplot()
        for place, (_, value, ends, colour) in enumerate(rows):
            axes.plot(value, place, "o", color=colour, markersize=9)
            if ends is not None:
                axes.plot(ends, (place, place), color=colour, linewidth=3, solid_capstyle="butt")
        values = [value for _, value, _, _ in rows]
        if min(values) > 0 and max(values) > 50 * min(values):
            axes.set_xscale("log")
        else:
            axes.locator_params(axis="x", nbins=5)
        axes.set_yticks(range(len(rows)), [_wrapped(title) for title, _, _, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
        axes.set(
            xlabel=f"{entry['title']} ({wish})", title=f"{entry['title']} beside the baselines"
        )


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 22))
