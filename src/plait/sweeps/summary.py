"""What the trials of a sweep say together: the best, repeats over seeds, a table. Pure.

Only trials whose scores were measured on the same rows, by the same metric, are held against one
another. Repeats over seeds of the data have rows of their own each: then means over the same rows
are compared, and no single trial is.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from plait.config.levels import flat
from plait.config.resolved import Resolved
from plait.evaluation.notation import NOTHING, duration, readable
from plait.evaluation.text_table import aligned
from plait.json_types import Values
from plait.sweeps.trial import Outcome, Status
from plait.tracking.query.score import Score

LONGEST_REASON = 100
"""Characters of a failure that the table shows; the run's tag and run.log hold all."""

Basis = tuple[str, frozenset[str]]
"""A metric, and the sets of rows that it was measured on."""


@dataclass(frozen=True)
class Row:
    """A trial and how it ended."""

    resolved: Resolved | None
    """None of a draw that makes no valid configuration."""
    overrides: tuple[str, ...]
    outcome: Outcome
    score: Score | None
    measured_on: str = ""
    """What two trials share whose scores are of the same rows: see `plait.sweeps.measured_on`."""

    @property
    def name(self) -> str:
        """The experiment's; empty where there is none."""
        return self.resolved.name if self.resolved is not None else ""

    @property
    def shown(self) -> str:
        """What tells it from the others."""
        return " ".join(self.overrides) or self.name


@dataclass(frozen=True)
class Repeats:
    """Trials that differ by their seeds alone."""

    rows: tuple[Row, ...]
    mean: float
    """Over sets of rows, of the means over what was measured on the same rows."""
    error: float | None
    """Standard error of the mean: the spread (n - 1) over the root of n. Trials on the same rows
    are no independent witnesses of other rows: where there are several sets of rows, n counts
    these. None of a single trial."""

    @property
    def sets(self) -> int:
        """How many sets of rows there are."""
        return len({row.measured_on for row in self.rows})

    @property
    def over(self) -> str:
        """What is repeated: ``5 seeds``, or ``3 data seeds, each on its own test rows``."""
        if self.sets == 1:
            return f"{len(self.rows)} seeds"
        trials = f", {len(self.rows)} trials" if len(self.rows) > self.sets else ""
        return f"{self.sets} data seeds, each on its own {_part(self.rows[0])} rows{trials}"

    @property
    def shown(self) -> str:
        """The repeats' tag in words: ``test/mse 0.01 ± 0.0002 (5 seeds)``."""
        score = self.rows[0].score
        assert score is not None
        assert self.error is not None
        return f"{score.metric} {readable(self.mean)} ± {readable(self.error)} ({self.over})"

    @property
    def basis(self) -> Basis:
        """What it shares with those that it may be compared with."""
        score = self.rows[0].score
        assert score is not None
        return score.metric, frozenset(row.measured_on for row in self.rows)

    @property
    def rank(self) -> float:
        """Less is better."""
        score = self.rows[0].score
        return -self.mean if score is not None and score.direction == "maximize" else self.mean


@dataclass(frozen=True)
class Group:
    """Trials that may be held against one another."""

    title: str
    """What tells its rows from those of the other groups: ``data.noise=0.1``."""
    lines: tuple[Repeats, ...]
    """Trials, or repeats of one."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """All of its trials."""
        return tuple(row for line in self.lines for row in line.rows)

    @property
    def best_line(self) -> Repeats:
        """The one with the best mean."""
        return min(self.lines, key=lambda line: line.rank)

    @property
    def best(self) -> Row | None:
        """The best trial among the repeats with the best mean; None where each of these has other
        rows than the next.
        """
        if len(self.lines[0].basis[1]) > 1:
            return None
        return min(self.best_line.rows, key=_rank)


@dataclass(frozen=True)
class Summary:
    """A sweep in numbers."""

    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    """The groups of the finished trials."""

    @property
    def repeats(self) -> tuple[Repeats, ...]:
        """Where seeds are repeated."""
        return tuple(line for group in self.groups for line in group.lines if len(line.rows) > 1)

    @property
    def best(self) -> Row | None:
        """The best of all; None where nothing is finished, or not all can be compared."""
        return self.groups[0].best if len(self.groups) == 1 else None

    @property
    def best_line(self) -> Repeats | None:
        """The repeats with the best mean among those over the same sets of rows; None of fewer than
        two, or where not all have the same rows.
        """
        comparable = len(self.groups) == 1 and len(self.groups[0].lines) > 1
        return self.groups[0].best_line if comparable else None

    @property
    def bests(self) -> tuple[Row, ...]:
        """The best of each group that has several trials; of all, where there is one group."""
        if len(self.groups) == 1:
            return () if self.best is None else (self.best,)
        found = [group.best for group in self.groups if len(group.rows) > 1]
        return tuple(row for row in found if row is not None)

    @property
    def unranked(self) -> str | None:
        """Why there is no best of all, although trials are finished."""
        if not self.groups or self.best is not None:
            return None
        metrics = {line.basis[0] for group in self.groups for line in group.lines}
        if len(metrics) > 1:
            return f"its trials have different main metrics: {', '.join(sorted(metrics))}"
        part = _part(self.groups[0].rows[0])
        differing = f"its trials were measured on different {part} rows"
        if len(self.groups) == 1:
            return f"{differing}, a set for each seed of the data"
        titles = [group.title for group in self.groups if group.title]
        named = f" ({', '.join(titles[:3])}{', …' if len(titles) > 3 else ''})" if titles else ""
        return differing + named


def summarise(rows: Iterable[Row]) -> Summary:
    """Find repeats, and what may be compared with what."""
    rows = tuple(rows)
    alike: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.score is not None and row.resolved is not None:
            alike.setdefault((row.score.metric, _but_for_seed(row.resolved)), []).append(row)
    lines = [_repeats(group) for group in alike.values()]
    by_basis: dict[Basis, list[Repeats]] = {}
    for line in lines:
        by_basis.setdefault(line.basis, []).append(line)
    titles = _titles(list(by_basis.values()))
    groups = [
        Group(title, tuple(group)) for title, group in zip(titles, by_basis.values(), strict=True)
    ]
    return Summary(rows, tuple(groups))


def table(summary: Summary) -> str:
    """The trials, a line each, and the repeats; for a terminal."""
    metrics = {row.score.metric: row.score for row in summary.rows if row.score}
    (only,) = metrics.values() if len(metrics) == 1 else (None,)
    header = ["", "trial", "status", only.metric if only else "main metric", "interval", "time"]
    apart = len(summary.groups) > 1 and bool(summary.bests)
    ordered = list(summary.rows)
    titles: dict[int, str] = {}
    if apart:
        # What may be compared stands together.
        unfinished = [row for row in summary.rows if row.score is None]
        ordered = [row for group in summary.groups for row in group.rows] + unfinished
        titles = {id(group.rows[0]): _heading(group) for group in summary.groups}
    lines = [header]
    for row in ordered:
        score, best = row.score, any(row is each for each in summary.bests)
        value = interval = NOTHING
        if score is not None:
            value = readable(score.value) if only else f"{score.metric} {readable(score.value)}"
            if score.low is not None:
                interval = f"{readable(score.low)} to {readable(score.high)}"
        lines.append(
            ["*" if best else "", row.shown, row.outcome.status, value, interval, _time(row)]
        )
    head, *shown = aligned(lines)
    if only:
        aim = {"minimize": "less is better", "maximize": "more is better", None: "unordered"}
        mark = "; * best on the same rows" if apart else "; * best" if summary.bests else ""
        head += f"   ({aim[only.direction]}{mark})"
    text = [head]
    for row, line in zip(ordered, shown, strict=True):
        if id(row) in titles:
            text.append(titles[id(row)])
        text.append(line)
    for row in summary.rows:
        if row.outcome.reason and row.outcome.status == "failed":
            reason = row.outcome.reason_in_short
            if len(reason) > LONGEST_REASON:
                reason = reason[: LONGEST_REASON - 1] + "…"
            text.append(f"  {row.outcome.status}: {row.shown}: {reason}")
    for over_data in (False, True):
        found = [line for line in summary.repeats if (line.sets > 1) == over_data]
        if found:
            data = "of the data, each on its own rows" if over_data else ""
            text.append(f"repeats over seeds{f' {data}' if data else ''}, mean ± standard error:")
            text += [f"  {without_seeds(line.rows[0])}: {line.shown}" for line in found]
    return "\n".join(text)


def conclusion(summary: Summary, sweep: str) -> str:
    """Which trial is the best, or why none is, and what makes an experiment of it."""
    text = []
    if summary.best is not None and summary.best.score is not None:
        metric = summary.best.score.metric
        text.append(f"best by {metric}: {summary.best.shown}")
        if metric.startswith("test/") and len(summary.rows) > 1:
            text.append(
                "  picked on the test part, so its own value flatters it (see sweep.metric)"
            )
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


def _rank(row: Row) -> float:
    assert row.score is not None
    return row.score.rank


def _part(row: Row) -> str:
    """What its score was measured on, in a word."""
    assert row.score is not None
    section = row.score.metric.partition("/")[0]
    return {"train": "training", "val": "validation"}.get(section, "test")


def _repeats(group: list[Row]) -> Repeats:
    by_rows: dict[str, list[float]] = {}
    for row in group:
        assert row.score is not None
        by_rows.setdefault(row.measured_on, []).append(row.score.value)
    values = [value for each in by_rows.values() for value in each]
    if len(by_rows) > 1:
        values = [math.fsum(each) / len(each) for each in by_rows.values()]
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Repeats(tuple(group), mean, None)
    spread = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return Repeats(tuple(group), mean, math.sqrt(spread / len(values)))


def _titles(groups: list[list[Repeats]]) -> list[str]:
    """What of its data tells each group from the others: what its trials share, and not all do."""
    shared = []
    for group in groups:
        first, *others = [_data_of(row) for line in group for row in line.rows]
        alike = (key for key, value in first.items() if all(of.get(key) == value for of in others))
        shared.append({key: first[key] for key in alike})
    for wanted in (("experiment",), ("data",), dict.fromkeys(key for of in shared for key in of)):
        told = [key for key in wanted if len({json.dumps(of.get(key)) for of in shared}) > 1]
        titles = [" ".join(f"{key}={of[key]}" for key in told if key in of) for of in shared]
        if all(titles) and len(set(titles)) == len(titles):
            break
    return titles


def _data_of(row: Row) -> Values:
    assert row.resolved is not None
    leaves = flat({"experiment": row.name, "data": row.resolved["data"]})
    return {key.removesuffix(".choice"): value for key, value in leaves}


def _heading(group: Group) -> str:
    return f"on the {_part(group.rows[0])} rows of {group.title or group.rows[0].name}:"


def _but_for_seed(resolved: Resolved) -> str:
    """What two trials share that differ by their seed alone, or by seeds that follow it."""
    values = {
        key: value
        for key, value in resolved.parameters().items()
        if key.rpartition(".")[2] != "seed"
    }
    return json.dumps([resolved.name, values, resolved["packages"]], sort_keys=True)


def without_seeds(row: Row) -> str:
    """What tells repeats from other ones."""
    rest = [text for text in row.overrides if not text.partition("=")[0].endswith("seed")]
    return " ".join(rest) or row.name


def _time(row: Row) -> str:
    known = row.outcome.status == "reused" or not row.outcome.seconds
    return NOTHING if known else duration(row.outcome.seconds)
