"""How large everything has grown, and what of it nobody needs any more."""

import re
import shutil
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

from filelock import FileLock

from plait.artifacts import read_json
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.json_types import Values
from plait.locks import held, lock_named
from plait.pipeline.pretrain import digest_of_what_is_read
from plait.runs.gc.dvc_cache import cache_garbage, clear_cache, own_cache
from plait.runs.gc.tally import Tally, size_of
from plait.runs.worktree import clear_away
from plait.sweeps.trial import trial_lock
from plait.sweeps.trial_data import data_digest, data_lock
from plait.tracking.garbage import RunStates, artifact_garbage, purge
from plait.tracking.live.journal import Journal, journals
from plait.workspace import Workspace

LARGEST_STATE = 200_000_000
"""Bytes of what is known of files, from which on it goes: years of edits."""

TRASH = ".gone-"
"""Starts the name of a folder that is being removed: no half of it is ever taken for whole."""


class GarbageCollector:
    """Everything of a checkout that grows.

    :param remove: remove what nobody needs, as it is found.
    """

    def __init__(self, workspace: Workspace, remove: bool) -> None:
        self._workspace, self._remove = workspace, remove

        self.notes: list[str] = []
        """The notes to print below the table."""
        self._sweeps = [
            sweep
            for path in sorted(self._workspace.sweeps.glob("*.json"))
            if not (sweep := read_json(path))["finished"]
        ]

    def look_through(self) -> list[Tally]:
        """A tally of all that grows; what goes is decided and removed while its locks are held."""
        tallies = [
            # First those that ask the store about runs which it then forgets.
            self._outputs(),
            self._checkpoints(),
            self._event_files(),
            self._artifacts(),
            self._database(),
            self._trial_data(),
            self._pretrained(),
            self._rebuilds(),
            self._searches(),
            self._job_logs(),
            self._state(),
            self._dvc_cache(),
        ]
        self.notes += [
            f"{said}\n  What only it may know of is kept." for said in self._ledger.silent
        ]
        for sweep in self._sweeps:
            self.notes.append(
                f"Sweep {sweep['name']} is not finished, so what its trials need is kept;\n"
                f"  launch it again, or delete .plait/sweeps/{sweep['name']}.json"
            )
        order = ("DVC cache", "MLflow artifacts", "MLflow database")
        return sorted(tallies, key=lambda tally: (*order, tally.name).index(tally.name))

    def _outputs(self) -> Tally:
        """Outputs of trials: MLflow has those recorded completely, nobody wants those deleted."""

        def goes(folder: Path) -> bool:
            state = self._ledger.state(folder.name)
            wanted = self._of_sweeps | self._waiting
            return state in ("recorded", "deleted") and folder.name not in wanted

        folders = self._workspace.trials.glob("*/*")
        words = "trials that MLflow has completely, or that were deleted"
        tally = self._by_identity("trial outputs", words, folders, goes)
        if self._remove:
            for folder in {path.parent for path in tally.garbage}:
                if not any(folder.iterdir()):
                    folder.rmdir()
        return tally

    def _checkpoints(self) -> Tally:
        def goes(folder: Path) -> bool:
            state = self._ledger.state(folder.name)
            unwanted = state in ("deleted", "none") and folder.name not in self._known
            return state in ("recorded", "finished") or unwanted

        folders = self._workspace.all_checkpoints.glob("*")
        return self._by_identity("checkpoints", "of trainings that nobody resumes", folders, goes)

    def _event_files(self) -> Tally:
        def goes(folder: Path) -> bool:
            state = self._ledger.state(folder.name)
            return state in ("deleted", "none") and folder.name not in self._known

        folders = self._workspace.tensorboard.glob("*/*")
        return self._by_identity("TensorBoard files", "curves without a run", folders, goes)

    def _by_identity(
        self, name: str, words: str, folders: Iterable[Path], goes: Callable[[Path], bool]
    ) -> Tally:
        """A tally with a folder for each training."""
        found = sorted(path for path in folders if path.is_dir())
        tally = Tally(name, sum(map(size_of, found)), words=words)
        for folder in found:
            if folder.name.startswith(TRASH):
                self._take(tally, folder)
            elif re.fullmatch("[0-9a-f]{32}", folder.name):
                locks = (
                    trial_lock(self._workspace, folder.name),
                    Journal(self._workspace, folder.name).lock,
                )
                with held(*locks) as mine:
                    if not mine:
                        tally.in_use += 1
                    elif goes(folder):
                        self._take(tally, folder)
        return tally

    def _artifacts(self) -> Tally:
        folder = self._workspace.artifacts
        tally = Tally(
            "MLflow artifacts", size_of(folder), words="folders of deleted runs and models"
        )
        if self._ledger.own is not None:
            for path in artifact_garbage(self._ledger.own):
                tally.add(path)
            if self._remove:
                purge(self._ledger.own, tally.garbage)
        return tally

    def _database(self) -> Tally:
        return Tally("MLflow database", sum(map(size_of, self._workspace.store.glob("mlflow.db*"))))

    def _trial_data(self) -> Tally:
        """What is needed again later is generated again."""
        found = sorted(self._workspace.all_trial_data.glob("*"))
        tally = Tally("trial data", sum(map(size_of, found)), words="data sets that no trial needs")
        for folder in found:
            if folder.name.startswith(TRASH):
                self._take(tally, folder)
                continue
            # An unfinished one is named .DIGEST.PID.
            digest = folder.name.lstrip(".").partition(".")[0]
            with held(data_lock(self._workspace, digest)) as mine:
                needed = self._digests_in_use()
                if not mine or needed is None or digest in needed:
                    tally.in_use += 1
                elif digest not in {trial["data"] for trial in self._trials_owed}:
                    self._take(tally, folder)
                    if self._remove:
                        receipts = self._workspace.trial_receipts(digest)
                        shutil.rmtree(receipts, ignore_errors=True)
        return tally

    def _pretrained(self) -> Tally:
        """Pretrained models; of a listed experiment, one that is half trained is in use too."""
        found = sorted(self._workspace.pretrained.glob("*"))
        words = "that no listed experiment reads"
        tally = Tally("pretrained models", sum(map(size_of, found)), words=words)
        for folder in found:
            # An unfinished one is named .DIGEST, its checkpoints .DIGEST.checkpoints.
            digest = folder.name.lstrip(".").partition(".")[0]
            with held(lock_named(self._workspace, f"pretrained-{digest}")) as mine:
                if not mine or digest in self._pretrained_in_use:
                    tally.in_use += 1
                elif not self._sweeps:
                    self._take(tally, folder)
        return tally

    @cached_property
    def _pretrained_in_use(self) -> set[str]:
        digests = set()
        for path in self._workspace.all_resolved():
            resolved = Resolved.read(path)
            outputs = self._workspace.outputs(resolved.name)
            asks = resolved.values.get("pretraining") is not None
            if asks and (outputs.data / "train.parquet").exists():
                digests.add(digest_of_what_is_read(resolved, outputs))
        return digests

    def _rebuilds(self) -> Tally:
        folder = self._workspace.worktrees
        tally = Tally("rebuilds", size_of(folder), words="left by rebuilds that were killed")
        for tree in sorted(path for path in folder.glob("*") if path.is_dir()):
            with held(FileLock(f"{tree}.lock")) as mine:
                if mine:
                    tally.add(tree)
                else:
                    tally.in_use += 1
        if self._remove and tally.garbage:
            clear_away(self._workspace.root, folder)
        return tally

    def _searches(self) -> Tally:
        """Their studies: whoever wants more trials of a search goes on with it."""
        return Tally("searches", size_of(self._workspace.searches))

    def _job_logs(self) -> Tally:
        """Of cluster jobs that failed; those that ended well leave none."""
        folder = self._workspace.slurm_jobs
        tally = Tally("job logs", size_of(folder), words="of sweeps that are finished")
        if not self._sweeps:
            for file in sorted(folder.glob("*")):
                tally.add(file)
                if self._remove:
                    file.unlink()
        return tally

    def _state(self) -> Tally:
        """What is known of files; all of it can be worked out again."""
        folder = self._workspace.state
        tally = Tally("known files", size_of(folder), words="large, and made again as it is needed")
        if tally.size > LARGEST_STATE:
            self._take(tally, folder)
        return tally

    def _dvc_cache(self) -> Tally:
        words = "files that no commit, branch, tag or experiment names"
        tally = Tally("DVC cache", 0, words=words)
        try:
            folder = own_cache(self._workspace)
            tally.size = size_of(folder)
            for path in cache_garbage(self._workspace):
                tally.add(path)
            if self._remove and tally.garbage:
                clear_cache(self._workspace)
        except UserError as error:
            self.notes.append(f"DVC cache: nothing goes: {error}")
        return tally

    def _take(self, tally: Tally, folder: Path) -> None:
        tally.add(folder)
        if self._remove:
            if not folder.name.startswith(TRASH):
                folder = folder.rename(folder.with_name(TRASH + folder.name))
            shutil.rmtree(folder)

    @cached_property
    def _ledger(self) -> RunStates:
        files = [
            *self._workspace.all_resolved(),
            *self._workspace.trial_configurations(),
        ]
        return RunStates(
            self._workspace, [Resolved.read(path).section("tracking") for path in files]
        )

    @cached_property
    def _trials_owed(self) -> list[Values]:
        return [trial for sweep in self._sweeps for trial in sweep["trials"]]

    @cached_property
    def _of_sweeps(self) -> set[str]:
        return {str(trial["identity"]) for trial in self._trials_owed}

    @cached_property
    def _waiting(self) -> set[str]:
        """Identities whose journal no store has taken yet."""
        return {journal.identity for journal in journals(self._workspace)}

    @cached_property
    def _known(self) -> set[str]:
        """Identities that somebody may still train, whatever the stores say."""
        files = self._workspace.all_resolved()
        return self._of_sweeps | self._waiting | {Resolved.read(path).identity for path in files}

    def _digests_in_use(self) -> set[str] | None:
        """The digests of the data of trials that run; None if one does not say yet."""
        digests = set()
        for lock in self._workspace.locks.glob("trial-*.lock"):
            identity = lock.stem.removeprefix("trial-")
            with held(trial_lock(self._workspace, identity)) as mine:
                if mine:
                    continue
            files = self._workspace.trial_configurations(identity)
            if not files:
                return None
            digests |= {data_digest(Resolved.read(path)) for path in files}
        return digests
