"""A run as it is trained: kept on disk at once, sent to the tracking store on the side."""

import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from filelock import Timeout

from plait.config.resolved import Resolved
from plait.proof.stage import sources
from plait.tracking import runs
from plait.tracking.cost import PeakMemory
from plait.tracking.live.delivery import HEARTBEAT, Delivery, say_waiting
from plait.tracking.live.journal import Begin, Event, Journal
from plait.tracking.record.record import evaluation_digest
from plait.tracking.record.source_patch import take_patch
from plait.tracking.store.backend import CurveWriter, backend_of
from plait.tracking.store.faults import check_own
from plait.tracking.store.reaper import open_in_order
from plait.tracking.store.retry import until
from plait.tracking.tags import DEVICES, SOURCE_MEASURES
from plait.workspace import Workspace

BETWEEN_WRITES = 2.0
"""Seconds from one write to the store to the next, at least."""

PATIENCE = 20.0
"""Seconds that the end of a training waits for the store, at most."""


class LiveRun:
    """Records a training while it runs; to be used by one process of it, around the fit.

    Every epoch is first appended to a journal on disk. A thread of its own imports mlflow, opens
    the store and sends what is in the journal; whatever goes wrong there leaves the training
    alone, and what the store did not take is sent by the next plait command.

    Enter it after torch has been imported: two threads that import at once can meet.

    :param devices: what it trains on, such as ``2 x cuda``.
    :param tags: of the run, beside those that every run has.
    """

    def __init__(
        self,
        workspace: Workspace,
        resolved: Resolved,
        devices: str,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._workspace = workspace
        self._resolved = resolved
        self._tags = {**(tags or {}), DEVICES: devices}
        self._journal = Journal(workspace, resolved.identity)
        self._memory = PeakMemory()
        self._thread = threading.Thread(target=self._send, name="plait-tracking", daemon=True)
        self._news = threading.Event()
        self._closing = threading.Event()
        self._abandoned = threading.Event()
        self._delivered = False
        self._trouble: Exception | None = None
        self._curves: CurveWriter | None = None

    def __enter__(self) -> "LiveRun":
        """Begin or take up the identity's run, when no other process of this checkout trains it.

        :raises UserError: if the tracking choice can't be used here, or the checkout's own store is
            broken: after hours of training it would be too.
        """
        tracking = self._resolved.choice("tracking"), self._resolved.settings("tracking")
        backend = backend_of(self._workspace, *tracking)
        if backend.local:
            check_own(self._workspace.database)
        if backend.curves is not None:
            self._curves = backend.curves(Path(self._resolved.name) / self._resolved.identity)
        try:
            self._journal.lock.acquire(timeout=1.0)
        except Timeout:
            name = self._resolved.name
            print(f"{name}: waiting for a process that trains exactly this", file=sys.stderr)
            self._journal.lock.acquire()
        tags = {
            **runs.tags_of(self._workspace, self._resolved, "train"),
            SOURCE_MEASURES: evaluation_digest(self._resolved),
            **self._tags,
        }
        patch = take_patch(self._workspace.root, tags, *sources())
        begin: Begin = {"resolved": self._resolved.values, "tags": {**tags, **patch.tags}}
        if patch.content:
            begin["patch"] = patch.packed()
        self._append({"begin": begin})
        self._thread.start()
        return self

    def epoch(self, step: int, values: Mapping[str, float]) -> None:
        """Record the values of an epoch, such as ``{"train/loss": 0.1}``."""
        values = {key: float(value) for key, value in values.items()}
        self._append({"epoch": step, "values": values})
        if self._curves is not None:
            self._curves.add(step, values)
        self._news.set()
        self._memory.keep_low()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run with its true status; exceptions go on."""
        status, reason = runs.outcome(error)
        try:
            self._append({"end": status, "error": reason, "cost": self._memory.values()})
            self._closing.set()
            self._news.set()
            if self._curves is not None:
                self._curves.close()
            self._thread.join(PATIENCE)
            self._abandoned.set()
            if self._delivered:
                self._journal.discard()
            else:
                say_waiting(self._workspace, self._journal, self._trouble)
        finally:
            self._abandoned.set()
            self._journal.close()
            self._journal.lock.release()

    def _append(self, event: Event) -> None:
        try:
            self._journal.append({**event, "at": time.time_ns() // 1_000_000})
        except OSError as error:
            # `record` completes the run from the training's own outputs.
            print(f"plait: {self._journal.path.name}: {error}", file=sys.stderr)

    def _send(self) -> None:
        """The thread: send what is in the journal until the end of the run has been sent."""
        until(self._abandoned, self._deliver, self._failed, self._closing)

    def _deliver(self) -> None:
        """Send everything from the journal's first byte on, and then what comes."""
        tracking = self._resolved.choice("tracking"), self._resolved.settings("tracking")
        delivery = Delivery(open_in_order(self._workspace, *tracking), self._journal)
        while not self._abandoned.is_set():
            delivery.send()
            self._trouble = None
            if delivery.ended:
                self._delivered = True
                self._say_differences(delivery)
                return
            self._closing.wait(BETWEEN_WRITES)
            self._news.wait(HEARTBEAT)
            self._news.clear()

    def _failed(self, error: Exception) -> None:
        self._trouble = error

    def _say_differences(self, delivery: Delivery) -> None:
        if delivery.differences:
            first, *more = delivery.differences
            print(
                f"plait: {self._resolved.name}: an earlier training of the same identity gave other"
                f" numbers:\n  {first}" + (f" and {len(more)} more" if more else ""),
                file=sys.stderr,
            )
