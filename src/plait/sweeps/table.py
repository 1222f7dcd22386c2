"""The trials of a sweep on a terminal: a table, and which of them is the best."""

from collections import Counter
from collections.abc import Iterable

from plait.evaluation.notation import NOTHING, duration, readable
from plait.evaluation.text_table import aligned
from plait.sweeps.summary import Group, Row, Summary, part_of, without_seeds
from plait.sweeps.trial import Status
from plait.tracking.query.score import Score

LONGEST_REASON = 100
"""Characters of a failure that the table shows; the run's tag and run.log hold all."""


def table(summary: Summary) -> str:
    """The trials, a line each, and the repeats; for a terminal."""
    apart = len(summary.groups) > 1 and bool(summary.bests)
    ordered = list(summary.rows)
    titles: dict[int, str] = {}
    if apart:
        # What may be compared stands together.
        unfinished = [row for row in summary.rows if row.score is None]
        ordered = [row for group in summary.groups for row in group.rows] + unfinished
        titles = {id(group.rows[0]): _heading(group) for group in summary.groups}
    head, *shown = aligned(_cells(summary, ordered))
    only = _only([row.score for row in summary.rows])
    if only is not None:
        aim = {"minimize": "less is better", "maximize": "more is better", None: "unordered"}
        mark = "; * best on the same rows" if apart else "; * best" if summary.bests else ""
        head += f"   ({aim[only.direction]}{mark})"
    text = [head]
    for row, line in zip(ordered, shown, strict=True):
        if id(row) in titles:
            text.append(titles[id(row)])
        text.append(line)
    return "\n".join([*text, *_failures(summary), *_repeats(summary)])


def conclusion(summary: Summary, sweep: str) -> str:
    """Which trial is the best, or why none is, and what makes an experiment of it."""
    text = []
    if summary.best is not None:
        text += [*_best(summary.groups[0], summary.best)]
        text.append(f"  plait promote best:{sweep}   makes an experiment of it")
    elif summary.unranked is not None:
        text.append(f"no best of all: {summary.unranked}")
        if (line := summary.best_line) is not None and line.error is not None:
            best = f"{without_seeds(line.rows[0])}: {line.shown}"
            text.append(f"  best mean over the same rows: {best}")
        text.append("  plait promote RUN   makes an experiment of one of them")
    return "".join(f"\n{line}" for line in ["", *text]) if text else ""


def counts(rows: Iterable[Row]) -> str:
    """``10 new, 2 reused``."""
    counted = Counter(row.outcome.status for row in rows)
    order: tuple[Status, ...] = ("new", "resumed", "reused", "pruned", "failed")
    return ", ".join(f"{counted[status]} {status}" for status in order if counted[status])


def _best(group: Group, best: Row) -> list[str]:
    """The best trial, by what, and what it reaches on the test part."""
    score, tested = best.score, best.tested
    assert score is not None
    if not group.chosen:
        return [f"the one that finished: {best.shown}"]
    by_test = score.metric.startswith("test/")
    flattered = ", which flatters the best of several on the same rows" if by_test else ""
    text = [f"best by {score.metric}{flattered}: {best.shown}"]
    if group.ties:
        others = ", ".join(row.shown for row in group.ties)
        text.append(f"  as good, and later in the sweep: {others}")
    if not by_test and tested is not None:
        interval = "" if tested.low is None else f", {_interval(tested)}"
        text.append(
            f"  {tested.metric} {readable(tested.value)}{interval}: the one to quote, as no test"
            " value chose it"
        )
    return text


def _cells(summary: Summary, ordered: list[Row]) -> list[list[str]]:
    """The table with its header: what the trials are ranked by, and what the test part says."""
    scores = [row.score for row in summary.rows]
    only = _only(scores)
    found = [score for score in scores if score is not None]
    by_test = all(score.metric.startswith("test/") for score in found)
    errors = any(score.error is not None for score in found)
    beside = _only([row.tested for row in summary.rows])
    header = ["", "trial", "status", only.metric if only else "metric"]
    header += ["±"] if errors else []
    header += [] if by_test else [beside.metric if beside else "test part"]
    lines = [[*header, "interval", "time"]]
    for row in ordered:
        best = any(row is each for each in summary.bests)
        line = ["*" if best else "", row.shown, row.outcome.status, _value(row.score, only)]
        line += [_error(row.score)] if errors else []
        line += [] if by_test else [_value(row.tested, beside)]
        lines.append([*line, _interval(row.score if by_test else row.tested), _time(row)])
    return lines


def _only(scores: Iterable[Score | None]) -> Score | None:
    """One that stands for all, where they are of one metric."""
    by_metric = {score.metric: score for score in scores if score is not None}
    return next(iter(by_metric.values())) if len(by_metric) == 1 else None


def _value(score: Score | None, only: Score | None) -> str:
    if score is None:
        return NOTHING
    return readable(score.value) if only else f"{score.metric} {readable(score.value)}"


def _error(score: Score | None) -> str:
    return NOTHING if score is None or score.error is None else readable(score.error)


def _interval(score: Score | None) -> str:
    if score is None or score.low is None or score.high is None:
        return NOTHING
    return f"{readable(score.low)} to {readable(score.high)}"


def _failures(summary: Summary) -> list[str]:
    text = []
    for row in summary.rows:
        if row.outcome.reason and row.outcome.status == "failed":
            reason = row.outcome.reason_in_short
            if len(reason) > LONGEST_REASON:
                reason = reason[: LONGEST_REASON - 1] + "…"
            text.append(f"  {row.outcome.status}: {row.shown}: {reason}")
    return text


def _repeats(summary: Summary) -> list[str]:
    text = []
    for over_data in (False, True):
        found = [line for line in summary.repeats if (line.sets > 1) == over_data]
        if found:
            data = "of the data, each on its own rows" if over_data else ""
            text.append(f"repeats over seeds{f' {data}' if data else ''}, mean ± standard error:")
            text += [f"  {without_seeds(line.rows[0])}: {line.shown}" for line in found]
    return text


def _heading(group: Group) -> str:
    return f"on the {part_of(group.rows[0])} rows of {group.title or group.rows[0].name}:"


def _time(row: Row) -> str:
    known = row.outcome.status == "reused" or not row.outcome.seconds
    return NOTHING if known else duration(row.outcome.seconds)
