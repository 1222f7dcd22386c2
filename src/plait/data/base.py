"""What every choice of data says of itself."""

from typing import ClassVar, Literal

from pydantic import model_validator

from plait.data.splits import Split
from plait.settings import Settings


class SourceSettings(Settings):
    """Of a choice whose ``read(settings, root)`` returns a `plait.data.dataset.Source`.

    It has a field ``split`` and a property or field ``task``.
    """

    gives: ClassVar[Literal["columns", "text"]] = "columns"
    """What a model learns from."""

    divided_by: ClassVar[tuple[str, ...] | None] = None
    """The ways of a split that the rows allow; None: all, as far as there are columns for them."""

    @model_validator(mode="after")
    def _check_division(self) -> "SourceSettings":
        if self.divided_by is not None and self._split.by not in self.divided_by:
            raise ValueError(
                f"these rows are split by {' or '.join(self.divided_by)}, not by {self._split.by}"
            )
        return self

    @property
    def _split(self) -> Split:
        split: Split = self.split  # type: ignore[attr-defined]  # a field of every choice
        return split

    @property
    def files(self) -> tuple[str, ...]:
        """The user's files that it reads: none, where a package brings the data."""
        return ()

    @property
    def may_validate(self) -> bool:
        """Whether there can be a validation part."""
        return self._split.val > 0 or self._split.by == "column"
