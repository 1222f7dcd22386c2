"""How far a sweep has come, for who watches it."""

import sys

from plait.evaluation.notation import duration
from plait.sweeps.summary import Row


class Progress:
    """A line for each trial that ends, and on a terminal a bar below them."""

    def __init__(self, name: str, total: int | None) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=total, desc=name, unit="trial", disable=not sys.stderr.isatty(), leave=False
        )

    def add(self, row: Row, silent: bool = False) -> None:
        """Tell of a trial that has ended.

        :param silent: count it alone.
        """
        self._bar.update()
        if silent:
            return
        words = [f"{row.shown}: {row.outcome.status}"]
        if row.score is not None:
            words.append(f"{row.score.metric} {row.score.value:.4g}")
        if row.outcome.status != "reused" and row.outcome.seconds:
            words.append(duration(row.outcome.seconds))
        if row.outcome.reason:
            words.append(row.outcome.reason_in_short)
        self._bar.write(", ".join(words), file=sys.stderr)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()
