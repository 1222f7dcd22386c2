"""What every choice of data says of itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import model_validator

from plait.data.splits import OfficialSplit, Split
from plait.settings import Chosen, Settings


class SourceSettings(Settings):
    """Of a choice whose ``read(settings, root)`` returns a `plait.data.dataset.Source`.

    It has a field ``split`` and a property or field ``task``.
    """

    if TYPE_CHECKING:
        # Of each choice: a field here would have no description, and a property would hide one.
        @property
        def split(self) -> Split | OfficialSplit:
            """How the rows are divided."""

        @property
        def task(self) -> str:
            """A name of `plait.tasks.registry.TASKS`."""

    gives: ClassVar[Literal["columns", "text"]] = "columns"
    """What a model learns from."""

    divided_by: ClassVar[tuple[str, ...] | None] = None
    """The ways of a split that the rows allow; None: all, as far as there are columns for them."""

    @model_validator(mode="after")
    def _check_division(self) -> "SourceSettings":
        split = self.split
        allowed = self.divided_by
        if allowed is not None and isinstance(split, Split) and split.by not in allowed:
            raise ValueError(f"these rows are split by {' or '.join(allowed)}, not by {split.by}")
        return self

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Folds beside what has no member for each, or learns from what is held out."""
        if not isinstance(self.split, Split) or self.split.folds is None:
            return
        if chosen[""].ensemble is not None:
            yield (
                f"ensemble: is {chosen[''].ensemble} beside data.split.folds, whose models are"
                " averaged already; set one of them to null"
            )
        if "pretraining" in chosen:
            yield (
                "data.split.folds: a pretrained model would have seen the texts that are held out;"
                " set it to null, or pretraining"
            )

    @property
    def weighted(self) -> bool:
        """Whether rows count differently."""
        return False

    @property
    def files(self) -> tuple[str, ...]:
        """The user's files that it reads: none, where a package brings the data."""
        return ()

    @property
    def may_validate(self) -> bool:
        """Whether there can be a validation part."""
        return self.split.val > 0 or self._by_column

    @property
    def may_calibrate(self) -> bool:
        """Whether there can be a calibration part."""
        return self.split.calibration > 0 or self._by_column

    @property
    def _by_column(self) -> bool:
        return isinstance(self.split, Split) and self.split.by == "column"
