"""What a stage says when something is not what its identity names."""

from collections.abc import Iterable

from plait.errors import UserError

MOST_NAMED = 3
"""Files that a refusal names at most."""


class Unproved(UserError):
    """Something that a stage reads is not what its identity names, so nothing may be recorded.

    :param name: of the experiment.
    :param fault: what is wrong, with the files' names.
    :param advice: what to do.
    """

    def __init__(self, name: str, fault: str, advice: str) -> None:
        super().__init__(f"{name}: {fault};\n  {advice}")


def named(paths: Iterable[str]) -> str:
    """The first of these files by name, and how many more there are."""
    found = list(paths)
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return ", ".join(found[:MOST_NAMED]) + more
