"""Who trains an identity, where several machines share a server: one of them, by agreement."""

import time
from collections.abc import Mapping

from plait.config.resolved import Resolved
from plait.tracking import runs
from plait.tracking.live.delivery import HEARTBEAT
from plait.tracking.query.run import RecordedRun, get_run
from plait.tracking.store import process
from plait.tracking.store.reaper import cause_of_death
from plait.tracking.store.store import Store, translate_errors
from plait.tracking.tags import LAST_HEARTBEAT

CLAIM_DELAY = 2.0
"""Seconds after which everybody who took up a run at the same moment has written who he is."""

MISSED = 4 * HEARTBEAT
"""Seconds without a heartbeat after which a process of this host has left its run."""


def claim(
    store: Store, resolved: Resolved, run: RecordedRun | None, tags: Mapping[str, str]
) -> bool:
    """Make this process the one that trains an identity, unless another does.

    The checkout's own store is claimed by locks of this machine. On a server, which has none, the
    run itself is claimed: of those who make it at the same moment, who made the one that stays has
    it; of those who take up one that had ended, who wrote last.

    :param run: of the identity, as it was found.
    :param tags: of the run, beside its own.
    :returns: whether this process is to train.
    :raises StoreUnavailable: if the store does not answer.
    """
    now = time.time()
    if run is not None and trained_elsewhere(run, now):
        return False
    if store.backend.local:
        return True
    heartbeat = {LAST_HEARTBEAT: f"{now:.0f}"}
    all_tags = {**runs.tags_of(store.workspace, resolved, "train"), **tags, **heartbeat}
    at = int(now * 1000)
    with translate_errors(store.backend.uri):
        if run is None:
            return runs.make(store, resolved, all_tags, at)[1]
        taken, _ = runs.begin(store, resolved, all_tags, at)
        time.sleep(CLAIM_DELAY)
        return process.is_own(get_run(store, taken.info.run_id).tags)


def trained_elsewhere(run: RecordedRun, now: float) -> bool:
    """Whether a process that this machine's locks do not tell of trains a run just now.

    :param now: seconds since the epoch.
    """
    tags = run.tags
    if run.status != "RUNNING" or process.is_own(tags):
        return False
    if process.on_this_host(tags):
        # Of another checkout, if at all: those of this one are kept out by its locks.
        silent = now - float(tags.get(LAST_HEARTBEAT, 0))
        return not run.store.backend.local and process.alive(tags) and silent < MISSED
    return cause_of_death(tags, run.began, now) is None
