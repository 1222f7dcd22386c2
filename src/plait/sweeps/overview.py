"""A sweep as one page: its trials side by side, with what they cost, and plots of both."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from plait.artifacts import write_text
from plait.evaluation.metrics import metrics
from plait.evaluation.notation import NOTHING, duration, readable, readable_size
from plait.evaluation.plots import Canvas
from plait.evaluation.report import page, with_pictures
from plait.evaluation.settings import Plots
from plait.sweeps.charts import COSTS, TRAINED, Standing, draw, shared_baselines
from plait.sweeps.summary import Summary, counts
from plait.tracking.cost import MEMORY, SECONDS
from plait.tracking.record import BASELINE


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
    comparable = len({line.rows[0].score.metric for line in lines if line.rows[0].score}) == 1
    with TemporaryDirectory() as folder:
        canvas = Canvas(Path(folder) / "plots", settings)
        if comparable:
            draw(canvas, lines, title, wish)
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
        baselines=shared_baselines(lines) if comparable else {},
        repeated=any(len(line.rows) > 1 for line in lines),
        alone=any(len(line.rows) == 1 and line.low is not None for line in lines),
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
