"""Synonyms from WordNet's own files.

Miller (1995), WordNet: A lexical database for English; the format is that of wndb(5WN).
"""

from functools import cache
from pathlib import Path

from plait import digests
from plait.errors import UserError

FILES = ("data.noun", "data.verb", "data.adj", "data.adv")


@cache
def synonyms_of(folder: str, digest: str | None) -> dict[str, tuple[str, ...]]:
    """The synonyms of each word, in lower case: other single words of the sets that hold it.

    :param digest: of the files, see `digest_of`; None for any.
    :raises UserError: if they are not there, or are others.
    """
    paths = [Path(folder) / name for name in FILES]
    for path in paths:
        if not path.is_file():
            raise UserError(
                f"augmentation.wordnet: no {path.name} in {folder}; install Debian's wordnet-base,"
                " or say where WordNet's files are"
            )
    found = digest_of(folder)
    if digest not in (None, found):
        raise UserError(
            f"augmentation.digest: is {digest}, but WordNet in {folder} is {found}; set it so, or"
            " to null"
        )
    synonyms: dict[str, dict[str, None]] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            # The licence stands first, indented.
            if line.startswith("  "):
                continue
            fields = line.split(" ")
            count = int(fields[3], 16)
            words = [word.partition("(")[0] for word in fields[4 : 4 + 2 * count : 2]]
            single = [word for word in words if word.isalpha()]
            for word in single:
                others = synonyms.setdefault(word.lower(), {})
                others.update((other, None) for other in single if other.lower() != word.lower())
    return {word: tuple(others) for word, others in synonyms.items() if others}


@cache
def digest_of(folder: str) -> str:
    """Of the files that synonyms are read from."""
    return digests.of_pieces(((Path(folder) / name).read_bytes() for name in FILES), digests.LONG)
