"""A sweep as one page: its trials side by side, with what they cost, and plots of both."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from plait.artifacts import write_text
from plait.evaluation.entries import Picture
from plait.evaluation.metrics import metrics
from plait.evaluation.notation import NOTHING, duration, readable, readable_size
from plait.evaluation.plots.canvas import Canvas
from plait.evaluation.report import page, with_pictures
from plait.evaluation.settings import Plots
from plait.sweeps.charts import COSTS, TRAINED, TrialGroup, draw, shared_baselines
from plait.sweeps.summary import Group, Repeats, Row, Summary
from plait.sweeps.table import counts
from plait.tracking.cost import MEMORY, SECONDS
from plait.tracking.query.score import Score
from plait.tracking.sections import BASELINE, CV, VALIDATION

PART_TITLES = {
    "test": "test part",
    "val": "validation part",
    VALIDATION: "validation part",
    CV: "mean over folds",
    "train": "training part",
}
"""How pages call what the metrics of a section are measured on."""


def standings(group: Group, recorded: Mapping[str, Mapping[str, float]]) -> list[TrialGroup]:
    """A line for each trial or repeats of one, in the order of the sweep.

    :param recorded: by run, what the store says beside the score.
    """
    found = []
    for repeats in group.lines:
        row, rows = repeats.rows[0], repeats.rows
        assert row.score is not None
        low, high, spread = _spread(repeats, row.score)
        by_test = row.score.metric.startswith("test/")
        told = [recorded.get(str(other.outcome.run_id), {}) for other in rows]
        settings = dict(text.split("=", 1) for text in row.overrides if "=" in text)
        settings = {key: text for key, text in settings.items() if key.split(".")[-1] != "seed"}
        found.append(
            TrialGroup(
                " ".join(f"{key}={text}" for key, text in settings.items()) or row.name,
                rows,
                repeats.mean,
                low,
                high,
                spread,
                repeats.tested,
                _tested_between(repeats),
                _means(told, COSTS),
                _means(
                    told,
                    {
                        key
                        for values in told
                        for key in values
                        if by_test and key.startswith(BASELINE)
                    },
                ),
                settings,
                repeats.over if len(rows) > 1 else "",
            )
        )
    return found


def _spread(repeats: Repeats, score: Score) -> tuple[float | None, float | None, str]:
    """What is known of how sure a value is: both ends, and what lies between them."""
    mean = repeats.mean
    if repeats.error is not None:
        return mean - repeats.error, mean + repeats.error, "± the standard error over seeds"
    if score.error is not None:
        return mean - score.error, mean + score.error, "± the standard error over folds"
    known = score.low is not None and score.high is not None
    return score.low, score.high, "the interval of the test part" if known else ""


def _tested_between(repeats: Repeats) -> str:
    """How sure the value on the test part is, beside one of other rows."""
    tested = repeats.rows[0].tested
    if repeats.tested is not None and repeats.tested.error is not None:
        return f"± {readable(repeats.tested.error)}"
    if tested is None or tested.low is None or tested.high is None:
        return NOTHING
    return f"{readable(tested.low)} to {readable(tested.high)}"


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
    groups = [(group, standings(group, recorded)) for group in summary.groups]
    lines = [line for _, found in groups for line in found]
    comparable = len(groups) == 1
    title, wish = _metric(summary.rows)
    plots = _plots(groups, settings)
    text = page(
        "sweep.html.j2",
        sweep=sweep,
        counts=counts(summary.rows),
        metric=title,
        wish=wish,
        best=summary.best,
        unranked=summary.unranked,
        groups=[
            (
                "" if comparable else group.title,
                [
                    (
                        line,
                        any(row in summary.bests for row in line.rows),
                        *_cells(line),
                        _links(line, links),
                    )
                    for line in found
                ],
            )
            for group, found in groups
        ],
        costs=[
            cost.title for key, cost in COSTS.items() if any(key in line.costs for line in lines)
        ],
        baselines=shared_baselines(lines) if comparable else {},
        repeated=any(len(line.rows) > 1 for line in lines),
        folds=any(line.spread.endswith("folds") for line in lines),
        alone=any(line.spread.startswith("the interval") for line in lines),
        tested=_tested_title(lines),
        ties=groups[0][0].ties if comparable else (),
        failed=[row for row in summary.rows if row.outcome.status == "failed"],
        plots=plots,
        experiments=sorted({row.name for row in summary.rows if row.name}),
        shown_costs=[key for key in COSTS if any(key in line.costs for line in lines)],
    )
    write_text(path, text)


def _plots(groups: list[tuple[Group, list[TrialGroup]]], settings: Plots) -> list[Picture]:
    """The plots of the groups; of several, those alone in which there is something to compare."""
    drawn = []
    with TemporaryDirectory() as folder:
        for number, (group, found) in enumerate(groups, start=1):
            if len(groups) == 1 or len(found) > 1:
                canvas = Canvas(Path(folder) / f"plots{number}", settings)
                where = "" if len(groups) == 1 else f"of {group.title or number}"
                draw(canvas, found, *_metric(group.rows), where)
                drawn += canvas.drawn
        return with_pictures(drawn, Path(folder))


def _metric(rows: Iterable[Row]) -> tuple[str, str]:
    """The title of the main metric, and which of its values are wanted."""
    return _titled([row.score for row in rows if row.score is not None])


def _titled(scores: list[Score]) -> tuple[str, str]:
    if len({score.metric for score in scores}) != 1:
        return "main metric", ""
    section, _, name = scores[0].metric.partition("/")
    known = metrics().get(name)
    part = PART_TITLES.get(section)
    title = f"{known.title if known else name}, {part}" if part else scores[0].metric
    aims = {"minimize": "lower is better", "maximize": "higher is better"}
    return title, aims.get(scores[0].direction or "", "")


def _tested_title(lines: list[TrialGroup]) -> str:
    """The title of the column of the test part; empty where there is none beside the ranking."""
    tested = [row.tested for line in lines if line.tested is not None for row in line.rows]
    found = [score for score in tested if score is not None]
    return _titled(found)[0] if found else ""


def _cells(line: TrialGroup) -> tuple[str, dict[str, str]]:
    """How sure the value is, and what it cost, as the table has them."""
    between = NOTHING
    if line.low is not None and line.high is not None:
        between = f"{readable(line.low)} to {readable(line.high)}"
        if line.spread.startswith("±"):
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


def _links(line: TrialGroup, links: Mapping[str, str]) -> list[str]:
    ids = [str(row.outcome.run_id) for row in line.rows]
    return [links[run_id] for run_id in ids if run_id in links]
