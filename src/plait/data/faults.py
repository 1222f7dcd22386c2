"""Everything that is wrong with a file is said at once."""

from collections.abc import Sequence

from plait.errors import UserError

MOST = 20
"""Faults that are shown; of more, their number."""


def refuse(path: str, faults: Sequence[UserError]) -> None:
    """Raise what is wrong with a file, if anything is.

    :param faults: each a line about ``path``, which it may begin with.
    :raises UserError: with all of them.
    """
    if not faults:
        return
    if len(faults) == 1:
        raise faults[0]
    lines = [str(fault).removeprefix(f"{path}: ") for fault in faults]
    if len(lines) > MOST:
        lines[MOST:] = [f"and {len(lines) - MOST} more"]
    raise UserError("\n  ".join([f"{path}: {len(faults)} things are wrong:", *lines]))
