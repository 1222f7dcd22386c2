"""Checkpoints as files: whole or not there, told from damaged ones, the one before kept."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from plait import digests
from plait.errors import UserError

KEPT = 2
"""The newest, and the one before it for when the newest turns out damaged."""


class CheckpointFiles:
    """The checkpoints of one training, ``STEP-DIGEST.ckpt``, the digest of the file's contents.

    :param folder: of this identity alone.
    :param name: of the experiment, for what is said.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def newest(self) -> Path | None:
        """The newest checkpoint that is whole; damaged ones are named and removed.

        What a process that was killed had begun to write goes without a word.
        """
        self._temporary.unlink(missing_ok=True)
        for path in reversed(self._all()):
            if digests.of_file(path, digests.SHORT) == path.stem.rpartition("-")[2]:
                return path
            self.refuse(path, "is damaged")
        return None

    def refuse(self, path: Path, why: str) -> None:
        """Say why a checkpoint is of no use, and remove it."""
        print(f"{self.name}: checkpoint {path.name} {why}; it is left out", file=sys.stderr)
        path.unlink(missing_ok=True)

    def write(self, save: Callable[[Path], None], step: int, first: bool = True) -> None:
        """Write a checkpoint whole or not at all; older ones go once it is there.

        :param save: writes it to a path; called on every process.
        :param first: whether this process is the one that keeps the files.
        :raises UserError: if the disk is full, or the folder can't be written to.
        """
        temporary = self._temporary
        try:
            if first:
                self.folder.mkdir(parents=True, exist_ok=True)
            save(temporary)
            if first:
                self._keep(temporary, step)
        except OSError as error:
            raise UserError(
                f"{self.name}: no checkpoint can be written: {error.strerror or error}:"
                f" {self.folder}\n  launched again, the training goes on from the one before"
            ) from error
        finally:
            if first:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)

    @property
    def _temporary(self) -> Path:
        return self.folder / "next"

    def _keep(self, temporary: Path, step: int) -> None:
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        digest = digests.of_file(temporary, digests.SHORT)
        os.replace(temporary, self.folder / f"{step:010d}-{digest}.ckpt")
        _flush_folder(self.folder)
        for path in self._all()[:-KEPT]:
            path.unlink(missing_ok=True)

    def _all(self) -> list[Path]:
        """All checkpoints, by step."""
        return sorted(self.folder.glob("*.ckpt"))


def _flush_folder(folder: Path) -> None:
    """A name is on disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
