"""Errors as a user meets them: a line or two, an exit status, no traceback."""

import errno
import os
import sys
from collections.abc import Callable, Iterable

from plait.terminal import printable


class UserError(ValueError):
    """Something that the user can put right.

    The message names what is wrong, where, and what would be right, in a line or two; of a
    configuration, a line a fault, at most four.

    :param message: what the user reads.
    :param status: exit status of the command; 2 for a wrong configuration, 1 for anything else.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class ConfigurationError(UserError):
    """A configuration that cannot be used as it stands; exit status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=2)


def did_you_mean(
    given: str,
    known: Iterable[str],
    *,
    prefix: str = "",
    quoted: bool = False,
    most: int = 1,
    cutoff: float = 0.6,
) -> str:
    """``; did you mean NAME?`` where a known name is near; else nothing.

    :param prefix: what is shown before a name, and not compared.
    :param quoted: whether the error quotes names.
    :param most: how many names are offered at most.
    :param cutoff: likeness from which on a name is near, between 0 and 1.
    """
    import difflib

    near = [prefix + name for name in difflib.get_close_matches(given, list(known), most, cutoff)]
    names = " or ".join(map(repr, near) if quoted else near)
    return f"; did you mean {names}?" if near else ""


class Pruned(Exception):
    """A search has seen enough of a training: it ends without result, and nothing is wrong."""


NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
"""Errors of the system that say that nothing can be written, or nothing more."""


def fault_of_machine(error: BaseException) -> UserError | None:
    """A full disk, a folder that can't be written to, or no memory, in words; else None."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        where = f": {error.filename}" if error.filename else ""
        return UserError(f"{os.strerror(error.errno).lower()}{where}")
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return UserError(f"out of memory: {str(error).partition(chr(10))[0] or 'no more is free'}")
    # As torch says it on a CPU, and safetensors of a disk.
    for words in ("DefaultCPUAllocator: can't allocate memory", "No space left on device"):
        if words in str(error):
            return UserError(str(error).partition("\n")[0])
    return None


def exit_with(command: Callable[[], int | None]) -> None:
    """Run ``command`` and end the process with its exit status.

    A `UserError`, or a fault of the machine, is printed without its traceback (``PLAIT_DEBUG=1``
    shows it). Ctrl-C exits 130.
    """
    try:
        status = command() or 0
        sys.stdout.flush()
    except UserError as error:
        if os.environ.get("PLAIT_DEBUG") == "1":
            raise
        print(f"plait: {printable(str(error))}", file=sys.stderr)
        status = error.status
    except KeyboardInterrupt:
        if os.environ.get("PLAIT_DEBUG") == "1":
            raise
        print("plait: interrupted", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        # The reader has seen enough, as `head` does. Nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception as error:
        fault = fault_of_machine(error)
        if fault is None or os.environ.get("PLAIT_DEBUG") == "1":
            raise
        print(f"plait: {printable(str(fault))}", file=sys.stderr)
        status = fault.status
    sys.exit(status)
