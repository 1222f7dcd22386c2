"""The plots of a sweep: quality against its cost, and against each setting that has a scale."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.evaluation.plots.canvas import INK, MUTED, SERIES, Canvas
from plait.sweeps.summary import Mean, Row
from plait.tracking.cost import MEMORY, SECONDS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

TRAINED, SAVED = "model/trained_parameters", "model/saved_bytes"

FEWEST_POINTS = 3
"""Values of a setting from which on the quality is drawn against it."""

ALL = {"n_labelled": "all"}
"""What null means to people, by the key as it is shown."""

LONGEST_OF_TWO = 28
"""Characters of a legend's entry up to which two stand side by side."""

MARKERS = "osD^vPX*<>"


@dataclass(frozen=True)
class Cost:
    """Something that a trial takes."""

    title: str
    unit: str
    scale: float = 1.0
    """The factor from the recorded unit to the plotted one."""


COSTS = {
    TRAINED: Cost("Parameters trained", ""),
    SAVED: Cost("Saved size", "MB", 1e-6),
    SECONDS: Cost("Training time", "s"),
    MEMORY: Cost("Memory at most", "MB"),
}


@dataclass(frozen=True)
class TrialGroup:
    """Trials that differ by their seed alone, and what they reached: a line of the page."""

    shown: str
    rows: tuple[Row, ...]
    value: float
    low: float | None
    high: float | None
    spread: str
    """What lies between both, as it continues "with "; empty: nothing is known."""
    tested: Mean | None
    """On the test part, where the value is of other rows."""
    tested_between: str
    """How sure that is, as the table has it."""
    costs: Mapping[str, float]
    """Means, by metric."""
    baselines: Mapping[str, float]
    """Means of the main metric, by the baseline's name."""
    settings: Mapping[str, str]
    """The value of each key that varies, seeds left out."""
    over: str
    """What several are repeats over: ``3 seeds``."""


@dataclass(frozen=True)
class Scale:
    """A setting whose values are numbers, and where each of them is drawn."""

    key: str
    places: dict[str, float]
    """The place of each value on the axis, by the value's text."""
    logarithmic: bool

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places, and what stands there."""
        names = {"null": ALL.get(self.key, "no limit")}
        ordered = sorted(self.places.items(), key=lambda pair: pair[1])
        return [(place, names.get(text, text)) for text, place in ordered]


def scales(lines: list[TrialGroup]) -> list[Scale]:
    """The settings with a scale, in which the trials differ enough to draw it."""
    found = []
    for key in sorted({key for line in lines for key in line.settings}):
        texts = {line.settings[key] for line in lines if key in line.settings}
        places = {text: float(text) for text in texts if _is_number(text)}
        if len(texts) < FEWEST_POINTS or not places or texts - places.keys() - {"null"}:
            continue
        least, largest = min(places.values()), max(places.values())
        logarithmic = least > 0 and largest > 8 * least
        if "null" in texts:
            # Without a limit: a step to the right of the largest.
            places["null"] = largest * (2.0 if logarithmic else 1.15)
        found.append(Scale(key, places, logarithmic))
    return found


def draw(canvas: Canvas, lines: list[TrialGroup], title: str, wish: str, where: str = "") -> None:
    """Draw what the trials allow.

    :param lines: all measured on the same rows.
    :param title: of the metric.
    :param wish: which of its values are wanted.
    :param where: on which rows, if others of the sweep were measured on others.
    """
    title = f"{title} {where}".rstrip()
    found = scales(lines)
    for scale in found:
        _against_setting(canvas, lines, scale, title, wish)
    _against_costs(canvas, lines, [scale.key for scale in found], title, wish)


def _series(line: TrialGroup, without: list[str]) -> str:
    """What a trial has in common with those of its colour: all settings but these."""
    rest = [f"{key}={text}" for key, text in line.settings.items() if key not in without]
    return " ".join(rest) or line.rows[0].name


def _against_costs(
    canvas: Canvas, lines: list[TrialGroup], scaled: list[str], title: str, wish: str
) -> None:
    """Quality against what it costs, a panel each, where trials differ in it."""
    varying = [
        key for key in COSTS if len({line.costs[key] for line in lines if line.costs.get(key)}) > 1
    ]
    if not varying or len(lines) < 2:
        return
    series = list(dict.fromkeys(_series(line, scaled) for line in lines))
    columns = 2 if max(map(len, series)) <= LONGEST_OF_TWO else 1
    rows = math.ceil(len(varying) / 2)
    with canvas.figure(
        "costs",
        "What quality costs",
        f"{title} of each trial against {', '.join(COSTS[key].title.lower() for key in varying)};"
        f" {wish}{_spread(lines)}",
        height=0.9 * rows + 0.07 * math.ceil((len(series) + 1) / columns),
    ) as figure:
        panels = figure.subplots(rows, min(2, len(varying)), squeeze=False)
        flat = list(panels.flat)
        for axes, key in zip(flat, varying, strict=False):
            cost = COSTS[key]
            shown = [line for line in lines if line.costs.get(key)]
            for line in shown:
                number = series.index(_series(line, scaled))
                _point(axes, line.costs[key] * cost.scale, line, number, series[number])
            values = [line.costs[key] for line in shown]
            if max(values) > 20 * min(values):
                axes.set_xscale("log")
            else:
                axes.locator_params(axis="x", nbins=5)
            axes.set(xlabel=f"{cost.title} ({cost.unit})" if cost.unit else cost.title)
            for name, value in shared_baselines(lines).items():
                axes.axhline(value, color=MUTED, linestyle="--", linewidth=1.5, label=name)
        for axes in flat[len(varying) :]:
            axes.set_visible(False)
        for row in panels:
            row[0].set_ylabel(title)
        # A trial may lack one of the costs: what has no gradients has no parameters here.
        named: dict[str, Artist] = {}
        for axes in flat[: len(varying)]:
            handles, labels = axes.get_legend_handles_labels()
            named.update(zip(labels, handles, strict=True))
        figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=columns)


def _spread(lines: list[TrialGroup]) -> str:
    """What is drawn about the values."""
    kinds = {line.spread: len(line.rows) for line in lines if line.spread}
    told = " or ".join(sorted(kinds, key=lambda kind: -kinds[kind]))
    return f"; with {told}" if told else ""


def _point(axes: "Axes", at: float, line: TrialGroup, number: int, label: str) -> None:
    colour = SERIES[number % len(SERIES)]
    marker = MARKERS[number % len(MARKERS)]
    axes.plot(at, line.value, marker, color=colour, markersize=8, label=label)
    if line.low is not None and line.high is not None:
        axes.plot((at, at), (line.low, line.high), color=colour, linewidth=2)


def shared_baselines(lines: list[TrialGroup]) -> dict[str, float]:
    """What all trials are held against, by its name, where it is the same for all of them."""
    found = {}
    for key in sorted({key for line in lines for key in line.baselines}):
        values = {round(line.baselines[key], 6) for line in lines if key in line.baselines}
        if len(values) == 1:
            found[f"{key.partition('/')[2]} (baseline)"] = values.pop()
    return found


def _against_setting(
    canvas: Canvas, lines: list[TrialGroup], scale: Scale, title: str, wish: str
) -> None:
    """A curve for each choice of the other settings."""
    short = scale.key.rpartition(".")[2].replace("_", " ")
    curves: dict[str, list[tuple[float, TrialGroup]]] = {}
    for line in lines:
        if scale.key in line.settings:
            curve = curves.setdefault(_series(line, [scale.key]), [])
            curve.append((scale.places[line.settings[scale.key]], line))
    with canvas.figure(
        f"against_{scale.key.replace('.', '_').replace('/', '_')}",
        f"{title} against {short}",
        f"{title} for each value of {scale.key}, a curve for each choice of the rest; {wish}"
        f"{_spread(lines)}",
        height=1.15,
    ) as figure:
        axes = figure.add_subplot()
        for number, (label, curve) in enumerate(curves.items()):
            curve.sort(key=lambda pair: pair[0])
            colour = SERIES[number % len(SERIES)]
            xs = [at for at, _ in curve]
            marker = f"-{MARKERS[number % len(MARKERS)]}"
            axes.plot(xs, [line.value for _, line in curve], marker, color=colour, label=label)
            lows = [line.value if line.low is None else line.low for _, line in curve]
            highs = [line.value if line.high is None else line.high for _, line in curve]
            axes.fill_between(xs, lows, highs, color=colour, alpha=0.15, linewidth=0)
        if scale.logarithmic:
            axes.set_xscale("log")
            axes.minorticks_off()
        if scale.logarithmic or "null" in scale.places:
            axes.set_xticks([place for place, _ in scale.ticks], [text for _, text in scale.ticks])
        axes.tick_params(axis="x", labelcolor=INK)
        axes.set(xlabel=short.capitalize(), ylabel=f"{title}\n({wish})" if wish else title)
        if len(curves) > 1:
            axes.legend()


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
