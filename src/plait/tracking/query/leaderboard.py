"""``plait runs``: the recorded runs, the best of each experiment first."""

import json
import math
import textwrap
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from plait.errors import UserError, did_you_mean
from plait.evaluation.notation import NOTHING, duration, readable
from plait.evaluation.text_table import GAP, aligned, widths_of
from plait.json_types import Json, Values
from plait.tracking.cost import SECONDS
from plait.tracking.query.find import open_stores
from plait.tracking.query.run import RecordedRun, runs_that
from plait.tracking.query.score import Score
from plait.tracking.sections import VALIDATION
from plait.tracking.tags import ERROR, TESTED_ON, VALIDATED_ON
from plait.workspace import Workspace

SHOWN_ID = 8
"""Characters of a run's id: enough to call it by."""

NARROWEST = 16
"""Characters of a run's name that are shown on any terminal."""

SHORTEST_REASON = 20
"""Characters of the reason why a run failed that are shown on any terminal."""


@dataclass(frozen=True)
class Entry:
    """A run of the leaderboard."""

    run_id: str
    name: str
    experiment: str
    status: str
    """``finished``, ``running``, ``failed``, ``killed``, …"""
    began: int
    """Milliseconds since the epoch."""
    seconds: float | None
    """How long the training took; None for a run that was made from its outputs."""
    score: Score | None
    sweeps: list[str]
    best_of: list[str]
    """The sweeps of which it is the best trial."""
    store: str
    data: str | None
    """The digest of the data that the score was measured on; None: nobody knows."""
    metrics: dict[str, float] = field(repr=False)
    params: dict[str, str] = field(repr=False)
    tags: dict[str, str] = field(repr=False)
    """Those of plait."""

    @classmethod
    def of(cls, run: RecordedRun, metric: str | None) -> "Entry":
        """The entry of a run, ranked by a metric or by its main one."""
        return cls(
            run_id=run.run_id,
            name=run.name,
            experiment=run.experiment,
            status=run.status.lower(),
            began=run.began,
            seconds=run.metrics.get(SECONDS),
            score=Score.of(run, metric) if run.finished else None,
            sweeps=run.sweeps,
            best_of=run.best_of,
            store=run.store.backend.shown,
            data=run.data_digest,
            metrics=run.metrics,
            params=run.params,
            tags={key: value for key, value in run.tags.items() if key.startswith("plait.")},
        )

    @property
    def label(self) -> str:
        """The name without the experiment's, which stands above."""
        return self.name.removeprefix(f"{self.experiment} ")


def entries(
    workspace: Workspace,
    experiment: str | None = None,
    sweep: str | None = None,
    metric: str | None = None,
    limit: int | None = None,
) -> list[Entry]:
    """The recorded runs: the experiment that ran last first, and of each the best run first.

    Scores that were measured on different data are not ranked against one another: of an
    experiment, the runs on the data that ran last come first. Runs that have no score come last,
    the newest first.

    :param experiment: only its runs.
    :param sweep: only its trials.
    :param metric: only runs that have it, ranked by it instead of their main one.
    :param limit: of each experiment and its data, only so many.
    :raises UserError: if no run has that metric, or none is wanted.
    """
    if limit is not None and limit < 1:
        raise UserError(f"--limit {limit}: at least 1 run of each experiment is needed", status=2)
    found = [
        Entry.of(run, metric)
        for store in open_stores(workspace)
        for run in runs_that(store)
        if run.experiment
    ]
    chosen = [
        entry
        for entry in found
        if experiment in (None, entry.experiment) and (sweep is None or sweep in entry.sweeps)
    ]
    if metric is not None:
        if chosen and not any(entry.score for entry in chosen):
            raise UserError(f"no finished run has a metric {metric!r}{_nearest(metric, chosen)}")
        chosen = [entry for entry in chosen if entry.score]
    groups: dict[str, list[Entry]] = {}
    for entry in sorted(chosen, key=lambda entry: -entry.began):
        groups.setdefault(entry.experiment, []).append(entry)
    ranked: list[Entry] = []
    for group in groups.values():
        newest_first: dict[str | None, list[Entry]] = {}
        for entry in group:
            newest_first.setdefault(_measured_on(entry, group), []).append(entry)
        # Those without a score share None, which may stand anywhere.
        unranked = newest_first.pop(None, [])
        tables = [*newest_first.values(), unranked]
        ranked += [entry for table in tables for entry in sorted(table, key=_by_rank)[:limit]]
    return ranked


def as_json(found: Iterable[Entry]) -> str:
    """Everything of the runs, for scripts; what is no finite number is null."""
    return json.dumps([_finite(_whole(entry)) for entry in found], indent=2, ensure_ascii=False)


def as_table(found: list[Entry], width: int | None = None) -> str:
    """The runs as a table for each experiment and metric.

    :param width: of the terminal, in characters; None: names are shown whole.
    """
    parts: dict[tuple[str, str, str | None], list[Entry]] = {}
    groups: dict[str, list[Entry]] = {}
    for entry in found:
        groups.setdefault(entry.experiment, []).append(entry)
    for entry in found:
        rows = _measured_on(entry, groups[entry.experiment])
        # A run without a score stands with its like.
        likes = (key for key in parts if key[0] == entry.experiment)
        last = next(likes, (entry.experiment, "", None))
        key = (entry.experiment, entry.score.metric, rows) if entry.score else last
        parts.setdefault(key, []).append(entry)
    lines: list[str] = []
    for (experiment, metric, rows), part in parts.items():
        first = next(part for key, part in parts.items() if key[0] == experiment)
        other = rows != _measured_on(first[0], groups[experiment])
        on = _on_other_data(part[0], first[0]) if other else ""
        lines += [*([""] if lines else []), *_table(experiment, metric, part, width, on)]
    if any(entry.best_of for entry in found):
        lines += ["", "* the best trial of its sweep"]
    return "\n".join(lines)


def _by_rank(entry: Entry) -> tuple[int, str, float]:
    if entry.score is None:
        return (2, "", -entry.began)
    if entry.score.direction is None:
        return (1, entry.score.metric, -entry.began)
    return (0, entry.score.metric, entry.score.rank)


def _measured_on(entry: Entry, group: list[Entry]) -> str | None:
    """What two scores of an experiment's runs share that can be compared; None without a score.

    The rows of the part, if all runs name them; older runs name no more than the whole of their
    data.
    """
    if entry.score is None:
        return None
    scored = [(other.score.metric.partition("/")[0], other.tags) for other in group if other.score]
    section = entry.score.metric.partition("/")[0]
    tag = {"test": TESTED_ON, VALIDATION: VALIDATED_ON}.get(section)
    named = tag is not None and all(part == section and tag in tags for part, tags in scored)
    return entry.tags[tag] if tag is not None and named else entry.data or ""


def _on_other_data(entry: Entry, first: Entry) -> str:
    """How the data of a run differs from that of the first table's runs."""
    keys = sorted(
        key
        for key in {*entry.params, *first.params}
        if key.partition(".")[0] == "data" and entry.params.get(key) != first.params.get(key)
    )
    told = [f"{key}={entry.params.get(key, 'none')}" for key in keys]
    return f" on other data ({', '.join(told) or 'its files have changed'})"


def _nearest(metric: str, found: list[Entry]) -> str:
    names = sorted({name for entry in found for name in entry.metrics})
    return did_you_mean(metric, names, most=3) or f"; there are: {', '.join(names)}"


def _table(
    experiment: str, metric: str, part: list[Entry], width: int | None, on: str
) -> list[str]:
    head = ("  run", metric or "status", "interval", "naive", "took", "began", "id")
    first, *others = ({*entry.label.split()} for entry in part)
    shared = first.intersection(*others) if others else set()
    rows = [_row(entry, shared) for entry in part]
    widths = widths_of([head, *rows])
    if any(ERROR in entry.tags for entry in part):
        widths[2] = max(widths[2], SHORTEST_REASON)
    if width is not None:
        beside = sum(widths[1:]) + len(GAP) * len(widths[1:])
        widths[0] = min(widths[0], max(NARROWEST, width - beside))
    direction = next((entry.score.direction for entry in part if entry.score), None)
    order = {"minimize": ", less is better", "maximize": ", more is better", None: ""}[direction]
    # What all runs have in their names stands above them.
    above = [word for word in part[0].label.split() if word in shared - {experiment}]
    lines = [f"{' '.join([experiment, *above])}{on}{order}", *_lines(head, widths)]
    for entry, row in zip(part, rows, strict=True):
        if entry.score is None:
            # The reason takes the room of the numbers that are not there.
            room = widths[2] + len(GAP) + widths[3]
            reason = entry.tags.get(ERROR, "").removeprefix("UserError: ")
            reason = _fitted(reason.removeprefix(f"{experiment}: "), room)
            lines += _lines((*row[:2], reason, *row[4:]), [*widths[:2], room, *widths[4:]], (1, 3))
        else:
            lines += _lines(row, widths)
    return lines


def _lines(
    cells: Sequence[str], widths: list[int], right: tuple[int, ...] = (1, 3, 4)
) -> list[str]:
    """A row of the table; a name that is too long goes on below."""
    name, *below = textwrap.wrap(cells[0], widths[0], subsequent_indent=GAP)
    return [*aligned([(name, *cells[1:])], right, widths), *below]


def _fitted(text: str, room: int) -> str:
    first, _, more = text.partition("\n")
    return first if len(first) <= room and not more else f"{first[: room - 1]}…"


def _row(entry: Entry, shared: set[str]) -> tuple[str, ...]:
    name = " ".join(word for word in entry.label.split() if word not in shared)
    score = entry.score
    interval = ""
    if score is None:
        value = entry.status if entry.status != "finished" else NOTHING
    else:
        value = readable(score.value)
        if score.low is not None and score.high is not None:
            interval = f"{readable(score.low)} to {readable(score.high)}"
    return (
        f"{'*' if entry.best_of else ' '} {name or entry.label}",
        value,
        interval,
        readable(score.naive) if score else NOTHING,
        NOTHING if entry.seconds is None else duration(entry.seconds),
        _date(entry.began),
        entry.run_id[:SHOWN_ID],
    )


def _date(began: int) -> str:
    then, now = time.localtime(began / 1000), time.localtime()
    return time.strftime("%m-%d %H:%M" if then.tm_year == now.tm_year else "%Y-%m-%d", then)


def _whole(entry: Entry) -> Values:
    whole = {**vars(entry), "score": vars(entry.score) if entry.score else None}
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.began / 1000))
    return {**whole, "began": began}


def _finite(value: Json) -> Json:
    """``value`` with None for NaN and infinity, which JSON has no words for."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
