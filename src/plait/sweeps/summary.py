"""What the trials of a sweep say together: the best, repeats over seeds, a table. Pure."""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from plait.config.resolved import Resolved
from plait.evaluation.notation import NOTHING, duration, readable
from plait.sweeps.trial import Outcome, Status
from plait.tracking.score import Score

LONGEST_REASON = 100
"""Characters of a failure that the table shows; the run's tag and run.log hold all."""


@dataclass(frozen=True)
class Row:
    """A trial and how it ended."""

    resolved: Resolved
    overrides: tuple[str, ...]
    outcome: Outcome
    score: Score | None

    @property
    def shown(self) -> str:
        """What tells it from the others."""
        return " ".join(self.overrides) or self.resolved.name


@dataclass(frozen=True)
class Repeats:
    """Trials that differ by their seed alone."""

    rows: tuple[Row, ...]
    mean: float
    error: float
    """Standard error of the mean: the spread (n - 1) over the root of n."""

    @property
    def shown(self) -> str:
        """As the tag of each of them has it: ``test/mse 0.01 ± 0.0002 (5 seeds)``."""
        score = self.rows[0].score
        assert score is not None
        return (
            f"{score.metric} {readable(self.mean)} ± {readable(self.error)}"
            f" ({len(self.rows)} seeds)"
        )


@dataclass(frozen=True)
class Summary:
    """A sweep in numbers."""

    rows: tuple[Row, ...]
    repeats: tuple[Repeats, ...]
    best: Row | None
    """Of the repeats with the best mean, where seeds are repeated, the best; else of all. None
    where nothing is finished or main metrics differ."""


def summarise(rows: Iterable[Row]) -> Summary:
    """Find repeats and the best trial."""
    rows = tuple(rows)
    finished = [row for row in rows if row.score is not None]
    groups: dict[str, list[Row]] = {}
    for row in finished:
        groups.setdefault(_but_for_seed(row.resolved), []).append(row)
    repeats = tuple(_repeats(group) for group in groups.values() if len(group) > 1)
    if len({row.score.metric for row in finished if row.score}) != 1:
        return Summary(rows, repeats, None)

    def rank(row: Row) -> float:
        assert row.score is not None
        return row.score.rank

    def mean_rank(group: list[Row]) -> float:
        return math.fsum(map(rank, group)) / len(group)

    best_group = min(groups.values(), key=mean_rank)
    return Summary(rows, repeats, min(best_group, key=rank))


def table(summary: Summary) -> str:
    """The trials, a line each, and the repeats; for a terminal."""
    metrics = {row.score.metric: row.score for row in summary.rows if row.score}
    (only,) = metrics.values() if len(metrics) == 1 else (None,)
    aim = {"minimize": "less is better", "maximize": "more is better", None: "unordered"}
    header = ["", "trial", "status", only.metric if only else "main metric", "interval", "time"]
    lines = [header]
    for row in summary.rows:
        score, best = row.score, row is summary.best
        value = interval = NOTHING
        if score is not None:
            value = readable(score.value) if only else f"{score.metric} {readable(score.value)}"
            if score.low is not None:
                interval = f"{readable(score.low)} to {readable(score.high)}"
        lines.append(
            ["*" if best else "", row.shown, row.outcome.status, value, interval, _time(row)]
        )
    text = _aligned(lines)
    if only:
        text[0] += f"   ({aim[only.direction]}; * best)"
    for row in summary.rows:
        if row.outcome.reason and row.outcome.status == "failed":
            reason = row.outcome.reason_in_short
            if len(reason) > LONGEST_REASON:
                reason = reason[: LONGEST_REASON - 1] + "…"
            text.append(f"  {row.outcome.status}: {row.shown}: {reason}")
    if summary.repeats:
        text.append("repeats over seeds, mean ± standard error:")
        for group in summary.repeats:
            text.append(f"  {_without_seed(group.rows[0])}: {group.shown}")
    return "\n".join(text)


def counts(rows: Iterable[Row]) -> str:
    """``10 new, 2 reused``."""
    counted = Counter(row.outcome.status for row in rows)
    order: tuple[Status, ...] = ("new", "resumed", "reused", "pruned", "failed")
    return ", ".join(f"{counted[status]} {status}" for status in order if counted[status])


def _repeats(group: list[Row]) -> Repeats:
    values = [row.score.value for row in group if row.score is not None]
    mean = math.fsum(values) / len(values)
    spread = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return Repeats(tuple(group), mean, math.sqrt(spread / len(values)))


def _but_for_seed(resolved: Resolved) -> str:
    """What two trials share that differ by their seed alone, or by seeds that follow it."""
    values = {
        key: value
        for key, value in resolved.parameters().items()
        if key.rpartition(".")[2] != "seed"
    }
    return json.dumps([resolved.name, values, resolved["packages"]], sort_keys=True)


def _without_seed(row: Row) -> str:
    rest = [text for text in row.overrides if not text.partition("=")[0].endswith("seed")]
    return " ".join(rest) or row.resolved.name


def _time(row: Row) -> str:
    known = row.outcome.status == "reused" or not row.outcome.seconds
    return NOTHING if known else duration(row.outcome.seconds)


def _aligned(lines: list[list[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
