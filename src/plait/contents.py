"""Files and folders by what they hold, as DVC names contents; nothing large is hashed twice.

A digest is remembered with the file's facts: size, times, inode. A file that was written within its
file system's clock grain of being hashed may be written again without showing it, so its digest is
not remembered; git calls such an entry racy.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from plait.digests import dvc_of_file, dvc_of_text
from plait.state import State

KIND = "file"

FINE, COARSE = 0.02, 2.0
"""Seconds within which two writes may bear the same time: the kernel's tick, and the grain of file
systems that keep whole seconds, of FAT even ones."""

Facts = tuple[int, int, int, int, int]
"""Device, inode, size, and times of the last change of contents and of facts, in nanoseconds."""


@dataclass(frozen=True)
class Seen:
    """A file or folder as it was looked at."""

    path: Path
    digest: str
    """An MD5, as DVC names it; of a folder with ``.dir`` behind it."""
    facts: dict[str, Facts]
    """The facts of each file in a folder, by its path there; those of a single file under the empty
    path."""


class Contents:
    """The digests of files.

    :param state: what is known of them.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def digest(self, path: Path) -> str:
        """The digest of a file or folder that is there."""
        return self._look(path, settled=False).digest

    def look(self, path: Path) -> Seen:
        """The same, such that any later change shows in the facts.

        For that, it waits until what was written last is older than the clock's grain.

        :raises OSError: if it is not there.
        """
        return self._look(path, settled=True)

    def _look(self, path: Path, settled: bool) -> Seen:
        found = dict(files_of(path))
        if settled:
            self._wait_until_settled(found.values())
            found = dict(files_of(path))
        digests = self._digests(path, found)
        if not path.is_dir():
            return Seen(path, digests[""], found)
        listing = [{"md5": digests[name], "relpath": name} for name in sorted(digests)]
        text = json.dumps(listing, sort_keys=True)
        return Seen(path, f"{dvc_of_text(text)}.dir", found)

    def wait_until_settled(self, paths: Iterable[Path]) -> None:
        """Wait until any later write to these files and folders shows in their facts."""
        found = [facts for path in paths if path.exists() for _, facts in files_of(path)]
        self._wait_until_settled(found)

    def _digests(self, path: Path, found: dict[str, Facts]) -> dict[str, str]:
        places = {name: str(_absolute(path / name if name else path)) for name in found}
        known = self._state.get(KIND, places.values())
        digests: dict[str, str] = {}
        new: dict[str, list[int | str]] = {}
        for name, facts in found.items():
            place = places[name]
            then = known.get(place)
            if isinstance(then, list) and then[:-1] == list(facts):
                digests[name] = str(then[-1])
                continue
            digests[name] = dvc_of_file(Path(place))
            if facts_of(Path(place)) == facts and is_settled(facts, self._now(facts[0])):
                new[place] = [*facts, digests[name]]
        self._state.put(KIND, new)
        return digests

    def _wait_until_settled(self, found: Iterable[Facts]) -> None:
        """Wait until each file's last write is older than the clock's grain.

        A time that lies in the future can't be waited for; a write from now on bears another one.
        """
        young = list(found)
        end = time.monotonic() + 2 * COARSE
        while time.monotonic() < end:
            clocks = {device: self._now(device) for device in {facts[0] for facts in young}}
            young = [
                facts
                for facts in young
                if not is_settled(facts, clocks[facts[0]])
                and max(facts[3:]) <= clocks[facts[0]] + int(COARSE * 1e9)
            ]
            if not young:
                return
            time.sleep(FINE / 4)

    def _now(self, device: int) -> int:
        """Now in nanoseconds, by the clock that stamps the files of a device: a server's may go
        ahead of this machine's or behind.
        """
        marker = self._state.folder / "clock"
        with suppress(OSError):
            marker.touch()
            facts = marker.stat()
            if facts.st_dev == device:
                return facts.st_mtime_ns
        return time.time_ns()


def files_of(path: Path) -> Iterator[tuple[str, Facts]]:
    """The files in a folder, by relative path; of a file itself, under the empty path."""
    if not path.is_dir():
        yield "", facts_of(path)
        return
    for folder, _, names in os.walk(path, followlinks=True):
        for name in names:
            file = Path(folder, name)
            if file.is_file():
                yield file.relative_to(path).as_posix(), facts_of(file)


def facts_of(path: Path) -> Facts:
    """What changes whenever somebody writes the file, puts another in its place or sets its times.

    :raises OSError: if it is not there.
    """
    facts = path.stat()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def unchanged(seen: Seen) -> bool:
    """Whether nobody has touched it since it was looked at."""
    try:
        return dict(files_of(seen.path)) == seen.facts
    except OSError:
        return False


def is_settled(facts: Facts, now: int) -> bool:
    """Whether a write from now on would bear another time than the last one.

    :param now: in nanoseconds.
    """
    # File systems that keep whole seconds leave nothing behind them.
    grain = COARSE if facts[3] % 1_000_000_000 == 0 else FINE
    return max(facts[3:]) + int(grain * 1e9) < now


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))
