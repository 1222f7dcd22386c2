"""Texts as numbers of tokens: rows of any length behind one another, cut to what a model takes."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from plait import digests
from plait.workspace import cache_folder

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Tokens:
    """The tokens of some texts."""

    ids: "np.ndarray"
    """int32, (tokens of all rows,)."""
    starts: "np.ndarray"
    """int64, (rows + 1,): where each row's tokens begin in ``ids``; the last is their number."""
    truncated: int = 0
    """Rows that were longer than the model takes."""

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> "np.ndarray":
        """Tokens of each row, int64, (rows,)."""
        lengths: np.ndarray = self.starts[1:] - self.starts[:-1]
        return lengths


Tokenize = Callable[[list[str]], list[list[int]]]
"""From texts to the numbers of their tokens, uncut."""


def tokenized(
    texts: "np.ndarray",
    tokenize: Tokenize,
    tokenizer: str,
    max_length: int,
    tail: list[int],
    *,
    keep: bool = True,
) -> Tokens:
    """The tokens of texts, from the cache where the same ones have been made before.

    :param texts: object, (rows,).
    :param tokenizer: a digest of everything that ``tokenize`` depends on.
    :param max_length: tokens that are kept of a row.
    :param tail: what a row that is cut ends with, such as the token that closes every text.
    :param keep: them in the cache, if they are not yet there.
    """
    import numpy as np

    encoded = (str(text).encode("utf-8", "surrogatepass") for text in texts)
    by_length = (len(each).to_bytes(8, "little") + each for each in encoded)
    asked = f"{tokenizer} {max_length} {tail}".encode()
    folder = cache_folder("tokens")
    path = folder / f"{digests.of_pieces(chain([asked], by_length), digests.LONG)}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    rows = tokenize([str(text) for text in texts])
    truncated = sum(len(row) > max_length for row in rows)
    rows = [row if len(row) <= max_length else row[: max_length - len(tail)] + tail for row in rows]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    tokens = Tokens(
        np.array([token for row in rows for token in row], dtype=np.int32),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        truncated,
    )
    if keep:
        _write(path, tokens)
    return tokens


def _read(path: Path) -> Tokens | None:
    """What `_write` wrote; None where there is nothing, or nothing whole."""
    import zipfile

    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Tokens(arrays["ids"], arrays["starts"], int(arrays["truncated"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(path: Path, tokens: Tokens) -> None:
    """Whole or not at all; a cache that cannot be written to is done without."""
    import os
    import tempfile

    import numpy as np

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".npz")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, ids=tokens.ids, starts=tokens.starts, truncated=tokens.truncated)
        os.replace(temporary, path)
    except OSError:
        return
