"""A target of one column."""

from abc import ABC
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from plait.json_types import Values, list_at, number_at, text_at
from plait.tasks.base import TargetEncoder

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 12
"""Names that an error lists."""


@dataclass(frozen=True)
class SingleTarget(TargetEncoder, ABC):
    """The encoder of a target of one column; models of every version are described by its keys."""

    task: str
    target: str
    """The column's name."""
    classes: tuple[str, ...]
    target_mean: float = 0.0
    target_scale: float = 1.0

    def to_json(self) -> Values:
        """Plain values."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_json(cls, values: Values) -> Self:
        """The inverse of `to_json`."""
        given: Values = {"target_mean": 0.0, "target_scale": 1.0, **values}
        return cls(
            text_at(given, "task"),
            text_at(given, "target"),
            tuple(map(str, list_at(given, "classes"))),
            number_at(given, "target_mean"),
            number_at(given, "target_scale"),
        )


def by_source_row(frame: "pd.DataFrame", name: str) -> "pd.Series":
    """A column whose index names its rows: their numbers at the source where they are known."""
    rows = frame["row"] if "row" in frame.columns else range(len(frame))
    return frame[name].set_axis(list(rows), axis=0)


def some(names: "list[str] | tuple[str, ...]") -> str:
    """The first of many names, for an error."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
