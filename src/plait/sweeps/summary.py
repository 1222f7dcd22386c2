"""What the trials of a sweep say together: the best, repeats over seeds. Pure.

Only trials whose scores were measured on the same rows, by the same metric, are held against one
another. Repeats over seeds of the data have rows of their own each: then means over the same rows
are compared, and no single trial is.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass

from plait.config.levels import flat
from plait.config.resolved import Resolved
from plait.evaluation.notation import readable
from plait.json_types import Values
from plait.sweeps.metric import nothing_held_out
from plait.sweeps.trial import Outcome
from plait.tracking.query.score import Score
from plait.tracking.sections import CV, VALIDATION

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
    ranks: bool = True
    """Whether its score may choose: not one of a test part that nobody named for it."""
    tested: Score | None = None
    """The same metric on the test part, or the main one there."""

    @property
    def name(self) -> str:
        """The experiment's; empty where there is none."""
        return self.resolved.name if self.resolved is not None else ""

    @property
    def shown(self) -> str:
        """What tells it from the others."""
        return " ".join(self.overrides) or self.name


@dataclass(frozen=True)
class Mean:
    """A mean over sets of rows, of the means over what was measured on the same rows."""

    value: float
    error: float | None
    """Standard error of the mean: the spread (n - 1) over the root of n. Trials on the same rows
    are no independent witnesses of other rows: where there are several sets of rows, n counts
    these. None of a single trial."""

    @property
    def shown(self) -> str:
        """As text: ``0.01 ± 0.0002``."""
        more = "" if self.error is None else f" ± {readable(self.error)}"
        return f"{readable(self.value)}{more}"


@dataclass(frozen=True)
class Repeats:
    """Trials that differ by their seeds alone."""

    rows: tuple[Row, ...]
    ranked_by: Mean
    tested: Mean | None
    """On the test part, where the trials are ranked by other rows and share a metric there."""

    @property
    def mean(self) -> float:
        """What they are ranked by."""
        return self.ranked_by.value

    @property
    def error(self) -> float | None:
        """Its standard error; None of a single trial."""
        return self.ranked_by.error

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
        return f"{self.sets} data seeds, each on its own {part_of(self.rows[0])} rows{trials}"

    @property
    def shown(self) -> str:
        """The repeats' tag in words: ``test/mse 0.01 ± 0.0002 (5 seeds)``."""
        first = self.rows[0]
        assert first.score is not None
        told = f"{first.score.metric} {self.ranked_by.shown}"
        if self.tested is not None and first.tested is not None:
            told += f", {first.tested.metric} {self.tested.shown}"
        return f"{told} ({self.over})"

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
    def chosen(self) -> bool:
        """Whether the best is one because it ranks before another."""
        return len(self.rows) > 1

    @property
    def best(self) -> Row | None:
        """The best trial among the repeats with the best mean, the first of equal ones; None where
        each of these has other rows than the next, or nothing may choose among several.
        """
        if len(self.lines[0].basis[1]) > 1 or (self.chosen and not self.rows[0].ranks):
            return None
        return min(self.best_line.rows, key=_rank)

    @property
    def ties(self) -> tuple[Row, ...]:
        """The others that rank as the best does."""
        best, line = self.best, self.best_line
        if best is None:
            return ()
        alike = [row for row in line.rows if _rank(row) == _rank(best)]
        for other in self.lines:
            if other is not line and other.rank == line.rank:
                alike.append(min(other.rows, key=_rank))
        return tuple(row for row in alike if row is not best)


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
        ranked = comparable and self.groups[0].rows[0].ranks
        return self.groups[0].best_line if ranked else None

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
        rows = [row for group in self.groups for row in group.rows]
        unasked = [row.score.metric for row in rows if row.score is not None and not row.ranks]
        if unasked:
            some = "" if len(unasked) == len(rows) else f"of {len(unasked)} of its trials, "
            return f"{some}{nothing_held_out(unasked[0])}"
        metrics = {line.basis[0] for group in self.groups for line in group.lines}
        if len(metrics) > 1:
            return f"its trials are ranked by different metrics: {', '.join(sorted(metrics))}"
        part = part_of(self.groups[0].rows[0])
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


def _rank(row: Row) -> float:
    assert row.score is not None
    return row.score.rank


def part_of(row: Row) -> str:
    """What its score was measured on, in a word."""
    assert row.score is not None
    section = row.score.metric.partition("/")[0]
    return {"train": "training", CV: "training", "val": "validation", VALIDATION: "validation"}.get(
        section, "test"
    )


def _repeats(group: list[Row]) -> Repeats:
    scores = [row.score for row in group]
    tested = [row.tested for row in group]
    by_test = any(score is not None and score.metric.startswith("test/") for score in scores)
    metrics = {score.metric for score in tested if score is not None}
    mean = _mean(group, scores)
    assert mean is not None
    return Repeats(
        tuple(group), mean, None if by_test or len(metrics) > 1 else _mean(group, tested)
    )


def _mean(group: list[Row], scores: list[Score | None]) -> Mean | None:
    by_rows: dict[str, list[float]] = {}
    for row, score in zip(group, scores, strict=True):
        if score is None:
            return None
        by_rows.setdefault(row.measured_on, []).append(score.value)
    values = [value for each in by_rows.values() for value in each]
    if len(by_rows) > 1:
        values = [math.fsum(each) / len(each) for each in by_rows.values()]
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Mean(mean, None)
    spread = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return Mean(mean, math.sqrt(spread / len(values)))


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
