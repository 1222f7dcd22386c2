"""Leakage: what of the held-out parts, or of the future, training would know."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from plait.data.dataset import PARTS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_HASHES_AT_ONCE = 1 << 17


def hashed(rows: "pd.DataFrame") -> "np.ndarray":
    """A hash of each row, equal for rows of equal values, uint64 (rows,)."""
    import pandas as pd

    # Adding 0 makes -0.0 and 0.0 hash alike.
    numbers = rows.columns[rows.dtypes == "float64"]
    rows = rows.assign(**{name: rows[name] + 0.0 for name in numbers})
    return pd.util.hash_pandas_object(rows, index=False).to_numpy()


def duplicates_across_parts(parts: Sequence[IO[bytes]]) -> int:
    """Rows of a later part whose content stands in an earlier one.

    The later part's hashes are held and the earlier ones read past them, block by block. Of a
    hundred million different rows, two share a 64-bit hash with a probability of 3e-4.

    :param parts: of each part, in their order, a file of the hashes of its rows, see `hashed`.
    """
    import numpy as np

    count = 0
    for number, later in enumerate(parts[1:], start=1):
        later.seek(0)
        held = np.fromfile(later, np.uint64)
        held.sort()
        first_of_equals = np.zeros(len(held), dtype=bool)
        for earlier in parts[:number]:
            earlier.seek(0)
            while len(block := np.fromfile(earlier, np.uint64, _HASHES_AT_ONCE)):
                block.sort()
                places = np.minimum(np.searchsorted(held, block), len(held) - 1)
                first_of_equals[places[held[places] == block]] = True
        starts = np.flatnonzero(first_of_equals)
        count += int((np.searchsorted(held, held[starts], side="right") - starts).sum())
    return count


def in_earlier_part(texts: "pd.Series", part_of_row: "np.ndarray") -> "np.ndarray":
    """Which rows hold a text that an earlier part has, bool (rows,)."""
    import numpy as np

    found = np.zeros(len(texts), dtype=bool)
    for number in range(1, len(PARTS)):
        earlier = (part_of_row >= 0) & (part_of_row < number) & ~found
        later = part_of_row == number
        found |= later & texts.isin(texts[earlier]).to_numpy()
    return found


def refuse_shared_rows(parts: Iterable[Path], rows: int) -> None:
    """Read the ``row`` columns back and check that no row stands in two parts, or twice in one.

    :param parts: Parquet files.
    :param rows: rows at the source; a byte is held for each.
    :raises AssertionError: naming the row.
    """
    import numpy as np
    import pyarrow.parquet as parquet

    seen = np.zeros(rows, dtype=bool)
    for path in parts:
        with parquet.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                numbers = file.read_row_group(group, columns=["row"])["row"].to_numpy()
                again = numbers[seen[numbers]]
                assert not len(again), f"row {again[0]} stands in two parts"
                seen[numbers] = True
                assert int(np.count_nonzero(np.diff(numbers) <= 0)) == 0, f"{path.name}: order"


def changed_by_the_future(
    features: "Callable[[pd.DataFrame], pd.DataFrame]",
    rows: "pd.DataFrame",
    time: str,
    cuts: "Iterable[float | pd.Timestamp]",
) -> list[str]:
    """The features that change when what comes after a time is cut off: those look ahead.

    :param features: from rows to a frame with the same index, a column a feature.
    :param rows: the raw rows.
    :param time: their column of times.
    :param cuts: the times after which rows are cut off.
    :returns: names of the columns that differ, in order; empty if nothing looks ahead.
    """
    whole = features(rows)
    changed: dict[str, None] = {}
    for cut in cuts:
        past = rows[rows[time] <= cut]
        recomputed = features(past)
        expected = whole.loc[past.index]
        for name in whole.columns:
            if not recomputed[name].equals(expected[name]):
                changed[name] = None
    return list(changed)
