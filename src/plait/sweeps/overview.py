"""A sweep as one page: its trials side by side, and what quality costs. Pure but for `write`."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from plait.artifacts import write_text
from plait.evaluation.metrics import metrics
from plait.evaluation.notation import NOTHING, duration, readable, readable_size
from plait.evaluation.plots import INK, MUTED, SERIES, Canvas
from plait.evaluation.report import page, with_pictures
from plait.evaluation.settings import Plots
from plait.sweeps.summary import Row, Summary, counts
from plait.tracking.cost import MEMORY, SECONDS
from plait.tracking.record import BASELINE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINED, SAVED = "model/trained_parameters", "model/saved_bytes"

FEWEST_POINTS = 3
"""Values of a setting from which on the quality is drawn against it."""

ALL = {"labels": "all"}
"""What null means to people, by the key as it is shown."""

MARKERS = "osD^vPX*<>"


@dataclass(frozen=True)
class Cost:
    """Something that a trial takes."""

    title: str
    unit: str
    scale: float = 1.0
    """From the recorded unit to the plotted one."""


COSTS = {
    TRAINED: Cost("Parameters trained", ""),
    SAVED: Cost("Saved size", "MB", 1e-6),
    SECONDS: Cost("Training time", "s"),
    MEMORY: Cost("Memory at most", "MB"),
}


@dataclass(frozen=True)
class Standing:
    """What trials that differ by their seed alone reached: a line of the page."""

    shown: str
    rows: tuple[Row, ...]
    value: float
    low: float | None
    high: float | None
    """Of one trial the interval on the test part, of several a standard error off the mean."""
    costs: Mapping[str, float]
    """Means, by metric."""
    baselines: Mapping[str, float]
    """Means of the main metric, by the baseline's name."""
    settings: Mapping[str, str]
    """By the key that varies, but for seeds."""


def standings(summary: Summary, recorded: Mapping[str, Mapping[str, float]]) -> list[Standing]:
    """A line for each trial or group of repeats, in the order of the sweep.

    :param recorded: by run, what the store says beside the score.
    """
    groups = {id(row): group.rows for group in summary.repeats for row in group.rows}
    errors = {id(group.rows[0]): group.error for group in summary.repeats}
    found = []
    for row in summary.rows:
        rows = groups.get(id(row), (row,))
        if row.score is None or rows[0] is not row:
            continue
        scores = [other.score for other in rows if other.score is not None]
        value = math.fsum(score.value for score in scores) / len(scores)
        low, high = row.score.low, row.score.high
        if len(rows) > 1:
            low, high = value - errors[id(row)], value + errors[id(row)]
        told = [recorded.get(str(other.outcome.run_id), {}) for other in rows]
        settings = dict(text.split("=", 1) for text in row.overrides if "=" in text)
        settings = {key: text for key, text in settings.items() if key.split(".")[-1] != "seed"}
        found.append(
            Standing(
                " ".join(f"{key}={text}" for key, text in settings.items()) or row.resolved.name,
                rows,
                value,
                low,
                high,
                _means(told, COSTS),
                _means(
                    told, {key for values in told for key in values if key.startswith(BASELINE)}
                ),
                settings,
            )
        )
    return found


def _means(told: list[Mapping[str, float]], keys: Iterable[str]) -> dict[str, float]:
    known = {key: [values[key] for values in told if key in values] for key in sorted(keys)}
    return {key: math.fsum(values) / len(values) for key, values in known.items() if values}


def write(
    path: Path,
    sweep: str,
    summary: Summary,
    recorded: Mapping[str, Mapping[str, float]],
    links: Mapping[str, str],
    settings: Plots,
) -> None:
    """Write the page: self-contained HTML.

    :param recorded: as in `standings`.
    :param links: addresses of runs in the tracking UI, by id.
    """
    lines = standings(summary, recorded)
    title, wish = _metric(summary)
    with TemporaryDirectory() as folder:
        canvas = Canvas(Path(folder) / "plots", settings)
        if lines and len({line.rows[0].score.metric for line in lines if line.rows[0].score}) == 1:
            _against_settings(canvas, lines, title, wish)
            _against_costs(canvas, lines, title, wish)
        plots = with_pictures(canvas.drawn, Path(folder))
    text = page(
        "sweep.html.j2",
        sweep=sweep,
        counts=counts(summary.rows),
        metric=title,
        wish=wish,
        best=summary.best,
        lines=[(line, *_cells(line), _links(line, links)) for line in lines],
        costs=[
            cost.title for key, cost in COSTS.items() if any(key in line.costs for line in lines)
        ],
        repeated=any(len(line.rows) > 1 for line in lines),
        failed=[row for row in summary.rows if row.outcome.status == "failed"],
        plots=plots,
        experiments=sorted({row.resolved.name for row in summary.rows}),
        shown_costs=[key for key in COSTS if any(key in line.costs for line in lines)],
    )
    write_text(path, text)


def _metric(summary: Summary) -> tuple[str, str]:
    """The title of the main metric, and which of its values are wanted."""
    scores = [row.score for row in summary.rows if row.score is not None]
    if not scores:
        return "main metric", ""
    section, _, name = scores[0].metric.partition("/")
    known = metrics().get(name)
    part = {"test": "test part", "val": "validation part", "train": "training part"}.get(section)
    title = f"{known.title if known else name}, {part}" if part else scores[0].metric
    aims = {"minimize": "lower is better", "maximize": "higher is better"}
    return title, aims.get(scores[0].direction or "", "")


def _cells(line: Standing) -> tuple[str, dict[str, str]]:
    """How sure the value is, and what it cost, as the table has them."""
    between = NOTHING
    if line.low is not None and line.high is not None:
        between = f"{readable(line.low)} to {readable(line.high)}"
        if len(line.rows) > 1:
            between = f"± {readable(line.high - line.value)}"
    cells = {}
    for key, value in line.costs.items():
        if key == SECONDS:
            cells[key] = duration(value)
        elif key == TRAINED:
            cells[key] = readable(round(value))
        else:
            cells[key] = readable_size(round(value * (1e6 if key == MEMORY else 1)))
    return between, cells


def _links(line: Standing, links: Mapping[str, str]) -> list[str]:
    ids = [str(row.outcome.run_id) for row in line.rows]
    return [links[run_id] for run_id in ids if run_id in links]


def _against_costs(canvas: Canvas, lines: list[Standing], title: str, wish: str) -> None:
    """Quality against what it costs, a panel each, where trials differ in it."""
    varying = [
        key for key in COSTS if len({line.costs[key] for line in lines if line.costs.get(key)}) > 1
    ]
    if not varying or len(lines) < 2:
        return
    with canvas.figure(
        "costs",
        "What quality costs",
        f"{title} of each trial against {', '.join(COSTS[key].title.lower() for key in varying)};"
        f" {wish}",
        height=0.9 * math.ceil(len(varying) / 2) + 0.07 * len(lines),
    ) as figure:
        panels = figure.subplots(math.ceil(len(varying) / 2), min(2, len(varying)), squeeze=False)
        flat = list(panels.flat)
        for axes, key in zip(flat, varying, strict=False):
            cost = COSTS[key]
            for number, line in enumerate(lines):
                if line.costs.get(key):
                    _point(axes, line.costs[key] * cost.scale, line, number)
            values = [line.costs[key] for line in lines if line.costs.get(key)]
            if max(values) > 20 * min(values):
                axes.set_xscale("log")
            else:
                axes.locator_params(axis="x", nbins=5)
            axes.set(xlabel=f"{cost.title} ({cost.unit})" if cost.unit else cost.title)
            _baselines(axes, lines)
        for axes in flat[len(varying) :]:
            axes.set_visible(False)
        for row in panels:
            row[0].set_ylabel(title)
        handles, labels = flat[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=1 if len(lines) > 12 else 2
        )


def _point(axes: "Axes", at: float, line: Standing, number: int) -> None:
    colour = SERIES[number % len(SERIES)]
    marker = MARKERS[number % len(MARKERS)]
    axes.plot(at, line.value, marker, color=colour, markersize=8, label=line.shown)
    if line.low is not None and line.high is not None:
        axes.plot((at, at), (line.low, line.high), color=colour, linewidth=2)


def _baselines(axes: "Axes", lines: list[Standing]) -> None:
    """Lines for what all trials are held against, where it is the same for all of them."""
    for key in sorted({key for line in lines for key in line.baselines}):
        values = {round(line.baselines[key], 6) for line in lines if key in line.baselines}
        if len(values) == 1:
            axes.axhline(
                values.pop(),
                color=MUTED,
                linestyle="--",
                linewidth=1.5,
                label=f"{key.partition('/')[2]} (baseline)",
            )


def _against_settings(canvas: Canvas, lines: list[Standing], title: str, wish: str) -> None:
    """Quality against each setting with a scale: a curve for each choice of the others."""
    for key in sorted({key for line in lines for key in line.settings}):
        texts = {line.settings[key] for line in lines if key in line.settings}
        numbers = {text: float(text) for text in texts if _is_number(text)}
        if len(texts) < FEWEST_POINTS or not numbers or texts - numbers.keys() - {"null"}:
            continue
        largest, ratio = max(numbers.values()), 0.0
        log = min(numbers.values()) > 0 and largest > 8 * min(numbers.values())
        places = dict(numbers)
        if "null" in texts:
            # Without a limit: a step to the right of the largest.
            ratio = 2.0 if log else 1.15
            places["null"] = largest * ratio
        short = key.rpartition(".")[2].replace("_", " ")
        with canvas.figure(
            f"against_{key.replace('.', '_').replace('/', '_')}",
            f"{title} against {short}",
            f"{title} for each value of {key}, a curve for each choice of the rest; {wish}",
            height=1.15,
        ) as figure:
            axes = figure.add_subplot()
            curves: dict[str, list[tuple[float, Standing]]] = {}
            for line in lines:
                if key in line.settings:
                    rest = [
                        f"{other}={text}" for other, text in line.settings.items() if other != key
                    ]
                    curve = curves.setdefault(" ".join(rest), [])
                    curve.append((places[line.settings[key]], line))
            for number, (label, curve) in enumerate(curves.items()):
                curve.sort(key=lambda pair: pair[0])
                colour = SERIES[number % len(SERIES)]
                xs = [at for at, _ in curve]
                marker = f"-{MARKERS[number % len(MARKERS)]}"
                axes.plot(xs, [line.value for _, line in curve], marker, color=colour, label=label)
                lows = [line.value if line.low is None else line.low for _, line in curve]
                highs = [line.value if line.high is None else line.high for _, line in curve]
                axes.fill_between(xs, lows, highs, color=colour, alpha=0.15, linewidth=0)
            if log:
                axes.set_xscale("log")
                axes.minorticks_off()
            ticks = sorted(places.items(), key=lambda pair: pair[1])
            if log or "null" in places:
                shown = [ALL.get(key, "no limit") if text == "null" else text for text, _ in ticks]
                axes.set_xticks([place for _, place in ticks], shown)
            axes.tick_params(axis="x", labelcolor=INK)
            axes.set(xlabel=short.capitalize(), ylabel=f"{title}\n({wish})" if wish else title)
            if len(curves) > 1:
                axes.legend()


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
