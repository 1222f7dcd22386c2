"""What every choice of data says of itself."""

from typing import ClassVar, Literal

from plait.data.splits import Split
from plait.settings import Settings


class SourceSettings(Settings):
    """Of a choice whose ``read(settings, root)`` returns a `plait.data.dataset.Source`.

    It has a field ``split``, and properties ``task`` and ``files``: the user's files that it reads.
    """

    gives: ClassVar[Literal["columns", "text"]] = "columns"
    """What a model learns from."""

    @property
    def may_validate(self) -> bool:
        """Whether there can be a validation part."""
        split: Split = self.split  # type: ignore[attr-defined]  # a field of every choice
        return split.val > 0 or split.by == "column"
