"""Labelled texts from a data set of the ``datasets`` library: a name on the hub, or a folder."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from plait.data.dataset import Source, Task
from plait.data.label_sets import to_text
from plait.data.labelled_texts import TextSettings
from plait.data.reading import TextFormat, under_raw
from plait.data.sources.text_table import source_of
from plait.data.splits import Split
from plait.errors import UserError
from plait.settings import Commit, setting

if TYPE_CHECKING:
    import pandas as pd

OFFICIAL = "split"
"""The column that tells the parts that the set comes with."""

PARTS = {"train": "train", "validation": "val", "val": "val", "dev": "val", "test": "test"}
"""What sets call them."""


class Settings(TextSettings):
    """``data: hub``."""

    name: str = setting("of the set on the hub, or a folder under data/raw/", min_length=1)
    config: str | None = setting("of a set that has several; null: its default")
    revision: Commit | None = setting("a commit of the set on the hub; null for a folder")
    text: str = setting("column of the texts")
    label: str = setting("column to predict")
    task: Task = setting(
        "what is predicted: a class (classification), several (multilabel) or a number (regression)"
    )
    label_separator: str = setting(
        "between several labels of a text; lists of labels need none", min_length=1
    )
    split: Split = setting(
        "how rows are divided; by column, with column: split: as the set itself is"
    )
    date_format: str | None = setting("of dates, as of strptime; null: ISO 8601")
    format: TextFormat = setting("how texts that are numbers are written")
    origin: str | None = setting("where the data come from; for the report")
    licence: str | None = setting("under which the data may be used; for the report")

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if self.is_folder:
            under_raw(self.name)
        if self.revision is None and not self.is_folder:
            raise ValueError(f"{self.name} on the hub may change; set revision to a commit of it")
        if self.revision is not None and self.is_folder:
            raise ValueError("a folder has no revision; set it to null")
        return self

    @property
    def is_folder(self) -> bool:
        """Whether the set lies under data/raw/."""
        return self.name.startswith("data/raw/")

    @property
    def files(self) -> tuple[str, ...]:
        """The folder, if it is one."""
        return (self.name,) if self.is_folder else ()


def read(settings: Settings, root: Path) -> Source:
    """Load, check and split the texts.

    :param settings: what to load.
    :param root: the project's root.
    :raises UserError: if the set can't be had, or for what is wrong with its columns or values.
    """
    import pandas as pd

    frames = [
        _texts(part.to_pandas(), part.features, settings.label).assign(
            **{OFFICIAL: PARTS.get(name, "none")}
        )
        for name, part in _load(settings, root).items()
    ]
    frame = pd.concat(frames, ignore_index=True)
    return source_of(settings, frame, settings.name, name=settings.name.rpartition("/")[2])


def _load(settings: Settings, root: Path) -> Any:
    try:
        import datasets
    except ModuleNotFoundError:
        raise UserError(
            "data: hub needs the package datasets; install it: pip install 'plait[hub]'"
        ) from None
    datasets.disable_progress_bars()
    name = str(root / settings.name) if settings.is_folder else settings.name
    try:
        return datasets.load_dataset(name, settings.config, revision=settings.revision)
    except Exception as error:  # the library raises its own, pyarrow's, fsspec's and requests'
        said = str(error).strip().partition("\n")[0][:300]
        raise UserError(f"data.name: {settings.name} can't be loaded: {said}") from error


def _texts(frame: "pd.DataFrame", features: Any, label: str) -> "pd.DataFrame":
    """Columns as `plait.data.reading.read` gives them; numbers of classes as their names, lists as
    `plait.data.label_sets` has them.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in frame.columns:
        values = frame[name]
        inner = getattr(features[name], "feature", None)
        if name == label and inner is not None:
            values = values.map(partial(_label_set, getattr(inner, "names", None)))
        names = getattr(features[name], "names", None)
        if names is not None:
            # The library marks a hidden label by -1; a missing one makes floats of all.
            values = values.map(
                lambda number, names=names: names[int(number)] if number >= 0 else None
            )
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            columns[name] = values.astype("float64")
        elif pd.api.types.is_datetime64_any_dtype(values):
            columns[name] = values
        else:
            columns[name] = values.astype("str").where(values.notna(), None).astype("str")
    return pd.DataFrame(columns)


def _label_set(names: "list[str] | None", row: Any) -> str | None:
    """A list of labels, or of their numbers where they have names."""
    if row is None:
        return None
    return to_text(row if names is None else map(names.__getitem__, row))
