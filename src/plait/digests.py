"""Digests: by what content is named and found again.

What is recorded, and what names files, goes by these values: they must stay what they are.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from plait.json_types import Json

WHOLE, LONG, SHORT, SHORTEST = 64, 32, 16, 6
"""Hexadecimal digits. Long ones name trainings, data and what a cache holds; short ones tell
contents apart that stand under a name of their own; the shortest, commands of one user."""


def of_bytes(content: bytes, digits: int = WHOLE) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()[:digits]


def of_text(text: str, digits: int = WHOLE) -> str:
    """SHA-256 of a text, as UTF-8."""
    return of_bytes(text.encode(), digits)


def of_values(values: Json, digits: int = LONG) -> str:
    """SHA-256 of plain data, whatever the order of keys.

    :raises ValueError: for NaN and infinity, which JSON does not know.
    """
    return of_text(json.dumps(values, sort_keys=True, allow_nan=False), digits)


def of_pieces(pieces: Iterable[bytes], digits: int) -> str:
    """SHA-256 of bytes that follow each other."""
    hasher = hashlib.sha256()
    for piece in pieces:
        hasher.update(piece)
    return hasher.hexdigest()[:digits]


def of_file(path: Path, digits: int = WHOLE) -> str:
    """SHA-256 of what a file holds, read block by block.

    :raises OSError: if it can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:digits]


def of_files(folder: Path, names: Iterable[str], digits: int) -> str:
    """SHA-256 of files of a folder, in this order: of their names and of what they hold.

    :param names: relative to the folder, with slashes.
    :raises OSError: if one can't be read.
    """
    return of_pieces((f"{name} {of_file(folder / name)}\n".encode() for name in names), digits)


def seed_of(text: str) -> int:
    """A seed of 32 bits, which looks as if it were drawn."""
    return int(of_text(text, digits=8), base=16)


def of_rows(content: bytes = b"") -> "hashlib.blake2b":
    """A hasher of the columns of a data set, chunk by chunk: BLAKE2b, 32 digits, for its speed."""
    return hashlib.blake2b(content, digest_size=16)


def dvc_of_file(path: Path) -> str:
    """MD5 of what a file holds, as DVC names it.

    :raises OSError: if it can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def dvc_of_text(text: str) -> str:
    """MD5 of a text, such as DVC's listing of a folder."""
    return hashlib.md5(text.encode()).hexdigest()


def git_of_blob(content: bytes) -> str:
    """SHA-1 of a file, as git names it."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
