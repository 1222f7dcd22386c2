"""The source that a run was recorded from: its commit, and a patch of what was not committed."""

import base64
import os
import re
import subprocess
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plait import digests
from plait.tracking.record.secrets import holds_a_secret, named_like_a_secret
from plait.tracking.store.store import Store
from plait.tracking.tags import DIRTY, PATCH, WITHOUT
from plait.workspace import CONF, PIPELINE_LOCK, RESOLVED, RESULTS, SRC

COMMIT = "mlflow.source.git.commit"

EMPTY = "empty"
"""All that had changed is what a patch leaves out."""

TOO_LARGE, FAILED = WITHOUT_PATCH = "too large", "failed"
"""Why there is none."""

ARTIFACT = "code/uncommitted.patch"

LARGEST = 10_000_000
"""Bytes of a patch, and of a file in it, at most."""

MOST_NAMED = 40
"""Files that a tag names at most."""

KEPT = "refs/plait/commits/"
"""Where git is told of the commits that runs name, which it may else remove once they are squashed,
rebased or amended away. They are in no branch, and neither pushed nor cloned."""

REBUILT = (PIPELINE_LOCK, RESOLVED, RESULTS)
"""What `dvc repro` itself writes into the tree: a change there is no edit of anybody's."""


@dataclass(frozen=True)
class SourcePatch:
    """The uncommitted changes of a tree."""

    content: bytes = b""
    """The patch as `git apply` takes it; empty if there is nothing to apply."""
    tags: dict[str, str] = field(default_factory=dict)
    """What the run says of it."""

    def packed(self) -> str:
        """The content as it travels in a journal."""
        return base64.b64encode(zlib.compress(self.content)).decode()


def unpacked(text: str) -> bytes:
    """The content that was packed."""
    return zlib.decompress(base64.b64decode(text))


def digest(content: bytes) -> str:
    """As `PATCH` has it."""
    return digests.of_bytes(content, digests.SHORT)


def commit_of(root: Path) -> dict[str, str]:
    """Tags with commit and dirty state of the tree; none outside of a repository with a commit."""
    try:
        commit = _git(root, "rev-parse", "HEAD").decode().strip()
        changes = _status(root)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {COMMIT: commit, DIRTY: "true" if changes else "false"}


def keep_commit(root: Path, commit: str) -> None:
    """Have git keep a commit for good, for its runs are rebuilt from it."""
    # A repository that nothing can be written into loses nothing.
    with suppress(OSError, subprocess.CalledProcessError):
        _git(root, "update-ref", f"{KEPT}{commit}", commit)


def take_patch(
    root: Path,
    tags: Mapping[str, str],
    proved: Mapping[str, bytes] | None = None,
    lost: Iterable[str] = (),
) -> SourcePatch:
    """The uncommitted changes of a tree, new files included, secrets and large files left out.

    The user's index stays as it is, and nothing is left among git's objects.

    :param tags: with what `commit_of` says; of a tree outside of git nothing is asked.
    :param proved: the code that makes the numbers, by path: it stands in the patch whatever has
        become of the files.
    :param lost: paths of code that nobody has any more as it made the numbers.
    """
    if COMMIT not in tags:
        return SourcePatch()
    said = {}
    try:
        differing = _differing(root, tags[COMMIT], proved) if proved else {}
        if tags[DIRTY] != "true":
            if not differing and not lost:
                return SourcePatch()
            # Somebody has put a file back that this process had loaded.
            said[DIRTY] = "true"
        content, without = _take(root, tags[COMMIT], differing)
    except (OSError, subprocess.CalledProcessError):
        return SourcePatch(tags={**said, PATCH: FAILED})
    without |= dict.fromkeys(lost, "edited since it was composed")
    if without:
        # The files that a rebuild may need are named first, should there be too many.
        paths = sorted(
            without, key=lambda path: (not path.startswith((f"{SRC}/", f"{CONF}/")), path)
        )
        said |= {WITHOUT: "\n".join(f"{path}: {without[path]}" for path in paths[:MOST_NAMED])}
    if len(content) > LARGEST:
        return SourcePatch(tags={PATCH: TOO_LARGE, **said})
    return SourcePatch(content, {PATCH: digest(content) if content else EMPTY, **said})


def log_patch(store: Store, run_id: str, content: bytes) -> None:
    """Keep a patch with its run."""
    folder, _, name = ARTIFACT.rpartition("/")
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / name
        path.write_bytes(content)
        store.client.log_artifact(run_id, str(path), folder)


def _differing(root: Path, commit: str, proved: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of the proved files that are not as the commit has them."""
    listed = _git(root, "ls-tree", "-r", "-z", commit, "--", *sorted({*map(_top, proved)}))
    committed = {}
    for entry in listed.split(b"\0"):
        facts, _, path = entry.partition(b"\t")
        committed[os.fsdecode(path)] = facts.rpartition(b" ")[2].decode()
    return {
        path: source
        for path, source in proved.items()
        if committed.get(path) != digests.git_of_blob(source)
    }


def _top(path: str) -> str:
    return path.partition("/")[0]


def _take(root: Path, commit: str, proved: Mapping[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """The patch, and why a file was left out by its path.

    :param proved: contents that count in place of the files'.
    """
    changed, without = [], {}
    for path in _changed(root):
        if path in proved:
            continue
        reason = _reason_to_leave(root, path)
        if reason:
            without[path] = reason
        else:
            changed.append(path)
    with tempfile.TemporaryDirectory() as temporary:
        objects = root / os.fsdecode(_git(root, "rev-parse", "--git-path", "objects").strip())
        aside = {
            "GIT_INDEX_FILE": f"{temporary}/index",
            "GIT_OBJECT_DIRECTORY": temporary,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
        }
        _git(root, "read-tree", commit, aside=aside)
        listed = b"".join(os.fsencode(path) + b"\0" for path in changed)
        add = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
        _git(root, *add, given=listed, aside=aside)
        prefix = os.fsdecode(_git(root, "rev-parse", "--show-prefix").rstrip(b"\n"))
        for path, content in proved.items():
            blob = _git(root, "hash-object", "-w", "--stdin", given=content, aside=aside)
            entry = f"100644,{blob.decode().strip()},{prefix}{path}"
            _git(root, "update-index", "--add", "--cacheinfo", entry, aside=aside)
        compare = ("diff-index", "--cached", "--no-renames", "--no-color", "--no-relative")
        names = _git(root, *compare, "--name-only", "--relative", "-z", commit, aside=aside)
        plain = ("--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--patch")
        patch = _git(root, *compare, *plain, commit, "--", ".", aside=aside)
    pieces = re.split(rb"^(?=diff --git )", patch, flags=re.MULTILINE)[1:]
    kept = []
    for path, piece in zip(_paths(names), pieces, strict=True):
        binary = b"\nGIT binary patch\n" in piece and (root / path).is_file()
        if holds_a_secret(path, (root / path).read_bytes() if binary else piece):
            without[path] = "may hold a secret"
        else:
            kept.append(piece)
    return b"".join(kept), without


def _changed(root: Path) -> list[str]:
    """What differs from the commit, by path relative to ``root``."""
    prefix = os.fsdecode(_git(root, "rev-parse", "--show-prefix").rstrip(b"\n"))
    return [entry[3:].removeprefix(prefix) for entry in _paths(_status(root))]


def _reason_to_leave(root: Path, path: str) -> str | None:
    if named_like_a_secret(path):
        return "may hold a secret"
    if path.endswith("/"):
        return "a repository of its own"
    file = root / path
    if file.is_file() and file.stat().st_size > LARGEST:
        return f"larger than {LARGEST // 1_000_000} MB"
    return None


def _status(root: Path) -> bytes:
    listed = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    return _git(root, *listed, "--", ".", *(f":(exclude){path}" for path in REBUILT))


def _paths(listed: bytes) -> list[str]:
    return [os.fsdecode(path) for path in listed.split(b"\0") if path]


def _git(
    root: Path, *arguments: str, given: bytes = b"", aside: Mapping[str, str] | None = None
) -> bytes:
    """What git answers.

    :param given: its standard input.
    :param aside: variables that have it write elsewhere.
    :raises OSError: without git.
    :raises subprocess.CalledProcessError: if it refuses.
    """
    return subprocess.run(
        ["git", "-C", str(root), *arguments],
        input=given,
        capture_output=True,
        check=True,
        # Or a mere question writes the user's index, and waits for who else does.
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", **(aside or {})},
    ).stdout
