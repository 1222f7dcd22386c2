"""Labelled texts from a data set of the ``datasets`` library: a name on the hub, or a folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import model_validator

from plait.data.dataset import Source
from plait.data.labelled_table import LabelledTable, source_of
from plait.data.parquet import from_arrow
from plait.data.reading import under_raw
from plait.data.splits import Split
from plait.errors import UserError
from plait.settings import Commit, setting
from plait.tasks.label_sets import to_text

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset as HubDataset
    from datasets import DatasetDict

OFFICIAL = "split"
"""The column that tells the parts that the set comes with."""

PARTS = {
    **{"train": "train", "validation": "val", "val": "val", "dev": "val", "test": "test"},
    "calibration": "calibration",
}
"""What sets call them."""


class Settings(LabelledTable):
    """``data: hub``."""

    name: str = setting("name of the data set on the hub, or folder under data/raw/", min_length=1)
    config: str | None = setting("configuration of a data set that has several; null: its default")
    revision: Commit | None = setting("commit of the data set on the hub; null for a folder")
    split: Split = setting(
        "division of the rows into parts; by column, with column: split: as the data set itself"
        " is divided"
    )

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
        _columns(part, settings).assign(**{OFFICIAL: PARTS.get(name, "none")})
        for name, part in _load(settings, root).items()
    ]
    frame = pd.concat(frames, ignore_index=True)
    return source_of(settings, frame, settings.name, name=settings.name.rpartition("/")[2])


def _load(settings: Settings, root: Path) -> "DatasetDict":
    import datasets

    datasets.disable_progress_bars()
    name = str(root / settings.name) if settings.is_folder else settings.name
    try:
        return datasets.load_dataset(name, settings.config, revision=settings.revision)
    except Exception as error:  # the library raises its own, pyarrow's, fsspec's and requests'
        said = str(error).strip().partition("\n")[0][:300]
        raise UserError(f"data.name: {settings.name} can't be loaded: {said}") from error


def _columns(part: "HubDataset", settings: Settings) -> "pd.DataFrame":
    """As `plait.data.reading.read` gives them; numbers of classes as their names."""
    import pandas as pd

    used = (settings.text, settings.label, settings.split.column)
    table = part.with_format("arrow")[:]
    columns: dict[str, pd.Series] = {}
    for name in table.column_names:
        if name not in used:
            columns[name] = pd.Series(index=range(len(table)), dtype="str")
            continue
        feature = part.features[name]
        names = getattr(feature, "names", None)
        names_within = getattr(getattr(feature, "feature", None), "names", None)
        if names is not None:
            # The library marks a hidden label by -1.
            numbers = table[name].to_pylist()
            texts = [None if each is None or each < 0 else names[each] for each in numbers]
            columns[name] = pd.Series(texts, dtype="str")
        elif name == settings.label and names_within is not None:
            rows = table[name].to_pylist()
            sets = [
                None if row is None else to_text(names_within[each] for each in row) for row in rows
            ]
            columns[name] = pd.Series(sets, dtype="str")
        else:
            lists = name == settings.label
            columns[name] = from_arrow(table[name], name, settings.name, may_be_lists=lists)
    return pd.DataFrame(columns)
