"""The user's own labelled texts: a CSV, Parquet or JSON-lines file under ``data/raw/``."""

from pathlib import Path

from pydantic import model_validator

from plait.data import reading
from plait.data.dataset import Source
from plait.data.labelled_table import LabelledTable, source_of
from plait.settings import setting
from plait.tasks.registry import task_named


class Settings(LabelledTable):
    """``data: text_table``."""

    path: reading.TextPath = setting("CSV, Parquet or JSON-lines file under data/raw/")

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        names = self.columns
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"text, label and split.column must be three columns, not {name!r}"
                )
        return self

    @property
    def columns(self) -> list[str]:
        """Those that are used."""
        return [self.text, self.label, *([self.split.column] if self.split.column else [])]

    @property
    def files(self) -> tuple[str, ...]:
        """The one file."""
        return (self.path,)


def read(settings: Settings, root: Path) -> Source:
    """Read, check and split the texts.

    :param settings: what to read.
    :param root: the project's root, above data/raw.
    :raises UserError: for whatever is wrong with the file, its columns or its values.
    """
    lists = [settings.label] if task_named(settings.task).several else []
    raw = reading.read(settings.path, root, settings.format, lists, settings.columns)
    return source_of(settings, raw, settings.path, name=Path(settings.path).stem)
