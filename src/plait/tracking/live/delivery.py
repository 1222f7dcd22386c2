"""Delivery of a journal to the tracking store: now, again after a failure, or days later."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import Timeout

from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.json_types import Values, mapping_at
from plait.tracking import runs
from plait.tracking.cost import SECONDS
from plait.tracking.live.journal import Begin, Journal, journals
from plait.tracking.record.points import Points, Row
from plait.tracking.record.source_patch import log_patch, unpacked
from plait.tracking.store.faults import reason_of
from plait.tracking.store.store import Store, open_store
from plait.tracking.tags import DIFFERENCES, LAST_HEARTBEAT, MEASURED_BY
from plait.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.entities import Run

HEARTBEAT = 30.0
"""Seconds between signs of life of a run."""


class Delivery:
    """Sends one journal into the one run of its identity.

    What the run has already is not sent again, so a delivery that failed anywhere is simply made
    again from the journal's first byte.
    """

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._read = 0
        self._points: Points | None = None
        self._began = 0
        self._earlier = 0.0
        self._differences: list[str] = []
        self._beat = time.monotonic()
        self.ended = False
        """Whether the last event was the end of the run."""

    @property
    def differences(self) -> tuple[str, ...]:
        """A line for each value that the run has otherwise, from an earlier training."""
        return tuple(self._differences)

    def send(self) -> None:
        """Send what has come into the journal since the last time.

        :raises mlflow.exceptions.MlflowException: if the store does not answer.
        """
        events, end = self._journal.read(self._read)
        rows: list[Row] = []
        for event in events:
            if "epoch" in event:
                rows.append(Row(event["epoch"], event["at"], event["values"]))
                continue
            self._send_rows(rows)
            rows = []
            if "begin" in event:
                self._begin(event["begin"], event["at"])
            else:
                self._cost(event.get("cost", {}), event["at"])
                self._end(event["end"], event["error"], event["at"])
        self._send_rows(rows)
        self._read = end
        if self.begun and not self.ended and time.monotonic() - self._beat >= HEARTBEAT:
            self._beat = time.monotonic()
            runs.set_tags(self._store, self._run_id, {LAST_HEARTBEAT: f"{time.time():.0f}"})

    @property
    def begun(self) -> bool:
        """Whether the journal holds a run at all: it may be torn at its first line."""
        return self._points is not None

    @property
    def _run_id(self) -> str:
        assert self._points is not None, "a journal without beginning"
        return self._points.run_id

    def give_up(self, reason: str) -> None:
        """End a run whose process ended without saying so."""
        self._end("KILLED", reason, None)

    def _begin(self, begin: Begin, at: int) -> None:
        tags = {**begin["tags"], LAST_HEARTBEAT: f"{time.time():.0f}"}
        resolved = Resolved(begin["resolved"])
        run, _ = runs.begin(self._store, resolved, tags, at)
        if MEASURED_BY not in run.data.tags:
            # At once: a run says what it is of, however it ends. One that was measured keeps the
            # configuration of the numbers that it shows, until it is measured again.
            runs.log_configuration(self._store, run.info.run_id, resolved)
        if "patch" in begin:
            log_patch(self._store, run.info.run_id, unpacked(begin["patch"]))
        self._points = Points(self._store.client, run)
        self._began, self._earlier = at, self._taken_before(run, at)
        self.ended = False

    def _taken_before(self, run: "Run", at: int) -> float:
        """Seconds that what a training goes on from has taken, if it goes on from something."""
        if SECONDS not in run.data.metrics:
            return 0.0
        told = self._store.client.get_metric_history(run.info.run_id, SECONDS)
        # A journal may be sent again: what it told itself does not count.
        before = [(point.timestamp, point.value) for point in told if point.timestamp < at]
        return float(max(before, default=(0, 0.0))[1])

    def _send_rows(self, rows: list[Row]) -> None:
        if not rows:
            return
        assert self._points is not None, "a journal without beginning"
        if rows[0].step == 0:
            self._earlier = 0.0
        new = self._points.add(rows)
        self._cost({}, rows[-1].at)
        if new:
            self._differences += new
            runs.set_tags(self._store, self._run_id, {DIFFERENCES: "\n".join(self._differences)})

    def _cost(self, memory: dict[str, float], at: int) -> None:
        assert self._points is not None, "a journal without beginning"
        # Of this training: the run itself may have begun with an earlier one.
        # The clock may have been set back meanwhile.
        seconds = self._earlier + max(0, at - self._began) / 1000
        values = {SECONDS: round(seconds, 1), **memory}
        self._points.add([Row(0, at, values)], replace=True)

    def _end(self, status: str, error: str | None, at: int | None) -> None:
        at = None if at is None else max(at, self._began)
        runs.end(self._store, self._run_id, status, error, at)
        self.ended = True


def deliver_journals(workspace: Workspace) -> int:
    """Send what earlier trainings could not, each into the store that it was meant for.

    A store that still does not answer is asked once, said so on stderr, and keeps its journals.

    :returns: how many journals were delivered.
    """
    delivered, silent = 0, set()
    for journal in journals(workspace):
        with _held(journal) as held:
            if not held or not journal.path.exists():
                continue
            tracking = _tracking(journal)
            if tracking is None:
                journal.discard()
                continue
            target = repr(tracking)
            if target in silent:
                continue
            try:
                _deliver(open_store(workspace, str(tracking.pop("choice")), tracking), journal)
            except Exception as error:  # whatever a store raises, the next command tries again
                silent.add(target)
                say_waiting(workspace, journal, error)
            else:
                delivered += 1
    return delivered


def deliver_journal(store: Store, identity: str) -> None:
    """Send what an earlier training of one identity left, into an open store."""
    journal = Journal(store.workspace, identity)
    with _held(journal) as held:
        if held and journal.path.exists():
            _deliver(store, journal)
        elif held:
            journal.discard()


def say_waiting(workspace: Workspace, journal: Journal, error: BaseException | None) -> None:
    """Say that a journal waits, and why."""
    reason = "too slow"
    if error is not None:
        reason = str(error).partition("\n")[0] if isinstance(error, UserError) else reason_of(error)
    place = journal.path.relative_to(workspace.anchor)
    print(
        f"plait: the tracking store did not take everything ({reason[:200]});\n"
        f"  it is kept in {place} and sent by the next plait command",
        file=sys.stderr,
    )


def _deliver(store: Store, journal: Journal) -> None:
    delivery = Delivery(store, journal)
    delivery.send()
    if delivery.begun and not delivery.ended:
        delivery.give_up("the process ended without saying so (killed hard?)")
    journal.discard()


@contextmanager
def _held(journal: Journal) -> Iterator[bool]:
    """Hold a journal's lock; False if a training or another delivery holds it."""
    try:
        journal.lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        journal.close()
        journal.lock.release()


def _tracking(journal: Journal) -> Values | None:
    """The tracking section of a journal's run; None where not even its beginning was written."""
    events, _ = journal.read()
    begins = [event["begin"] for event in events if "begin" in event]
    return mapping_at(begins[-1]["resolved"], "tracking") if begins else None
