"""The user's own data files by their digests: found wherever this checkout may have them."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from plait import digests
from plait.contents import Contents
from plait.errors import UserError
from plait.runs.dvc import cache_folder, dvc
from plait.state import State
from plait.workspace import DVC, Workspace


def put_in_place(root: Path, tree: Path, files: dict[str, str]) -> None:
    """Have each file lie in ``tree`` with the content that its digest names.

    :param root: the checkout that ``tree`` is a worktree of.
    :param files: digests, such as ``md5:…``, by path relative to the project.
    :raises UserError: for a file that is nowhere with that content.
    """
    contents = Contents(State.of(Workspace.at(root)))
    for relative, digest in files.items():
        if _has(contents, tree / relative, digest):
            continue
        for candidate in _candidates(root, tree, relative, digest):
            if _has(contents, candidate, digest):
                if candidate != tree / relative:
                    _link(candidate, tree / relative)
                break
        else:
            raise UserError(
                f"{relative} with digest {digest} is neither in git, nor in this tree, nor in the"
                " DVC cache,\n  nor could `dvc pull` get it; put the file back as it was"
            )


def _candidates(root: Path, tree: Path, relative: str, digest: str) -> Iterator[Path]:
    """Where the file may be, the cheapest to ask first."""
    yield root / relative
    try:
        cache = cache_folder(root)
    except UserError:
        return  # a project without DVC has git's files alone
    md5 = digest.removeprefix("md5:")
    yield cache / "files" / "md5" / md5[:2] / md5[2:]
    tracked = tree / f"{relative}.dvc"
    if tracked.is_file() and md5 in tracked.read_text(encoding="utf-8"):
        # With the checkout's own remotes and credentials, which git does not have.
        local = root / DVC / "config.local"
        if local.is_file():
            shutil.copy(local, tree / DVC)
        (tree / relative).unlink(missing_ok=True)
        # Where no remote has it either, the caller says that it is nowhere.
        with suppress(UserError):
            dvc(tree, "cache", "dir", "--local", str(cache))
            dvc(tracked.parent, "pull", "--quiet", tracked.name)
        yield tree / relative


def _has(contents: Contents, path: Path, digest: str) -> bool:
    if not path.exists():
        return False
    if f"md5:{contents.digest(path)}" == digest:
        return True
    return path.is_dir() and _former_digest(path) == digest


def _former_digest(folder: Path) -> str:
    """The digest of a folder as runs recorded before 2026-12 name it."""
    listing = "\n".join(
        f"{path.relative_to(folder).as_posix()} {digests.dvc_of_file(path)}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    return f"md5:{digests.dvc_of_text(listing)}.dir"


def _link(source: Path, target: Path) -> None:
    """Make a symbolic link: a hard one would look as if the source had been written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.symlink_to(source.resolve())
