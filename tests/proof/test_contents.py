"""Files are known by content, and nothing large is hashed twice."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plait import contents as module
from plait.contents import Contents, is_settled, unchanged
from plait.state import State


class Counting(Contents):
    """Counts what is really read."""

    def __init__(self, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(state)
        self.hashed = 0
        real = hashlib.file_digest

        def counted(file: object, name: str) -> object:
            self.hashed += 1
            return real(file, name)  # type: ignore[arg-type]

        monkeypatch.setattr(hashlib, "file_digest", counted)


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting(State(tmp_path / "state"), monkeypatch)


def old(path: Path, content: bytes = b"a,b\n1,2\n", age: float = 100.0) -> Path:
    """A file that was written a while ago, as far as its times tell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    when = time.time_ns() - int(age * 1e9) + 1
    os.utime(path, ns=(when, when))
    return path


def settled(path: Path) -> Path:
    """Wait until the clock has left the moment of its last change."""
    while not is_settled(module.facts_of(path), time.time_ns()):
        time.sleep(0.005)
    return path


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def test_a_file_is_hashed_once(tmp_path: Path, known: Counting) -> None:
    path = settled(old(tmp_path / "a.csv"))
    assert known.digest(path) == known.digest(path) == md5(path.read_bytes())
    assert known.hashed == 1


def test_another_process_knows_it_too(tmp_path: Path, known: Counting) -> None:
    path = settled(old(tmp_path / "a.csv"))
    known.digest(path)
    assert Contents(State(tmp_path / "state")).digest(path) == md5(path.read_bytes())
    assert known.hashed == 1


def test_an_edit_of_the_same_size_with_its_old_time_is_seen(
    tmp_path: Path, known: Counting
) -> None:
    path = settled(old(tmp_path / "a.csv", b"1111"))
    known.digest(path)
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_bytes(b"2222")
    os.utime(path, ns=times)
    assert known.digest(path) == md5(b"2222")


def test_a_touched_file_has_the_digest_that_it_had(tmp_path: Path, known: Counting) -> None:
    path = settled(old(tmp_path / "a.csv"))
    before = known.digest(path)
    path.touch()
    assert known.digest(path) == before


def test_what_was_just_written_is_not_believed_to_stay(tmp_path: Path, known: Counting) -> None:
    """Within the clock's grain it may be written again without showing it."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"1111")
    ahead = time.time_ns() + 3_600_000_000_000
    os.utime(path, ns=(ahead, ahead))  # the clock has been set back since
    known.digest(path)
    known.digest(path)
    assert known.hashed == 2


def test_whole_seconds_are_taken_for_a_coarse_clock() -> None:
    second = 1_000_000_000
    assert not is_settled((1, 1, 1, 5 * second, 5 * second), 6 * second)
    assert is_settled((1, 1, 1, 5 * second, 5 * second), 8 * second)
    fine = 5 * second + 1
    assert is_settled((1, 1, 1, fine, fine), 5 * second + 30_000_000)
    assert not is_settled((1, 1, 1, fine, fine), 5 * second + 10_000_000)


def test_a_look_shows_any_later_write(tmp_path: Path, known: Counting) -> None:
    """Even one of the same bytes, size and time, a moment after it was written."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"1111")
    seen = known.look(path)
    assert unchanged(seen)
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_bytes(b"2222")
    path.write_bytes(b"1111")
    os.utime(path, ns=times)
    assert not unchanged(seen)


@pytest.mark.parametrize("change", ["added", "removed", "edited", "renamed"])
def test_a_folder_is_known_by_its_files(tmp_path: Path, known: Counting, change: str) -> None:
    folder = tmp_path / "set"
    for name in ("a", "b/c"):
        old(folder / name, name.encode())
    before = known.digest(folder)
    seen = known.look(folder)
    assert seen.digest == before
    if change == "added":
        old(folder / "b" / "d")
    elif change == "removed":
        (folder / "a").unlink()
    elif change == "edited":
        (folder / "b" / "c").write_bytes(b"b/d")
    else:
        (folder / "a").rename(folder / "z")
    assert known.digest(folder) != before
    assert not unchanged(seen)


@pytest.mark.slow
def test_contents_are_named_as_dvc_names_them(tmp_path: Path, known: Counting) -> None:
    root = tmp_path / "repository"
    for name in ("set/a b.csv", "set/sub/ü.txt", "set/sub-1", "one.csv"):
        old(root / name, name.encode())
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "-q"], cwd=root, check=True)
    subprocess.run([*dvc, "add", "-q", "set", "one.csv"], cwd=root, check=True)
    for name in ("set", "one.csv"):
        assert f"md5: {known.digest(root / name)}\n" in (root / f"{name}.dvc").read_text()


def test_a_damaged_state_costs_time_alone(tmp_path: Path, known: Counting) -> None:
    path = settled(old(tmp_path / "a.csv"))
    known.digest(path)
    (database,) = (tmp_path / "state").glob("*.db")
    database.write_bytes(b"no database" * 1000)
    again = Contents(State(tmp_path / "state"))
    assert again.digest(path) == md5(path.read_bytes())
    third = Contents(State(tmp_path / "state"))
    third.digest(path)
    third.digest(path)
    assert known.hashed <= 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_that_cannot_be_written_costs_time_alone(tmp_path: Path, known: Counting) -> None:
    path = settled(old(tmp_path / "a.csv"))
    (tmp_path / "state").mkdir(mode=0o500)
    assert known.digest(path) == md5(path.read_bytes())


def test_a_state_whose_folder_is_a_file_costs_time_alone(tmp_path: Path) -> None:
    path = settled(old(tmp_path / "a.csv"))
    (tmp_path / "state").write_text("in the way")
    assert Contents(State(tmp_path / "state")).digest(path) == md5(path.read_bytes())
