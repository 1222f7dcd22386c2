"""What `generate` writes and every later stage reads: Parquet parts and ``dataset.json``."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from plait.artifacts import read_json, write_json
from plait.errors import UserError
from plait.json_types import Values

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Part = Literal["train", "val", "test", "calibration"]
Role = Literal["feature", "target", "weight", "index", "time", "group", "text", "file", "extra"]
"""``index`` is the row's number at the source, ``weight`` how much a row counts; ``extra`` is kept
for reports, never learnt from."""
Type = Literal["number", "category", "labels", "date", "text", "file"]
"""``labels``: several, as `plait.tasks.label_sets` writes them."""

PARTS: tuple[Part, ...] = ("train", "val", "test", "calibration")
"""In the order of their numbers."""

TABLES = "tables"
"""The folder of side tables beside the parts."""


@dataclass(frozen=True)
class Column:
    """A column of the Parquet parts."""

    name: str
    role: Role
    type: Type
    unit: str = ""
    decimal: str = "."
    """The sign before decimals where the user writes its numbers as texts."""
    date_format: str | None = None
    """Of dates that the user writes as texts; None: ISO 8601."""


@dataclass(frozen=True)
class Source:
    """What a data source hands over to be written: columns, a part for each row, rows in chunks."""

    task: str
    """A name of `plait.tasks.registry.TASKS`."""
    columns: tuple[Column, ...]
    """Without the ``index`` column, which the writer adds under the name ``row``."""
    part_of_row: "np.ndarray"
    """int8, (rows,): 0 train, 1 val, 2 test, 3 calibration, -1 in no part (a gap, a dropped
    row)."""
    chunks: Iterable["pd.DataFrame"]
    """In row order, ``rows`` rows in all, every column present."""
    provenance: dict[str, str]
    """Where the data come from: name, origin, version, citation."""
    licence: str
    classes: tuple[str, ...] = ()
    """But for regression: the labels in the order of the classes' numbers."""
    counts: Values = field(default_factory=dict)
    """What was met and done: missing values by column, rows dropped, …"""
    facts: Values = field(default_factory=dict)
    """What is known of the truth, such as coefficients, bias, noise_std of generated data, or of
    the naive answers: ``naive_column`` names an ``extra`` column that is a baseline prediction."""
    tables: dict[str, "pd.DataFrame"] = field(default_factory=dict)
    """What rows refer to, such as the items and users of a shop, by name."""


class Written(TypedDict):
    """What was written of a part or of a side table."""

    rows: int
    digest: str
    """Of the contents, not of the file."""


@dataclass(frozen=True)
class Dataset:
    """The contents of ``dataset.json``."""

    source: str
    """The choice under ``conf/data/`` that made it."""
    task: str
    columns: tuple[Column, ...]
    classes: tuple[str, ...]
    parts: dict[str, Written]
    """By part."""
    digest: str
    """Of the contents of all parts, and of the side tables."""
    provenance: dict[str, str]
    licence: str
    counts: Values
    facts: Values
    tables: dict[str, Written] = field(default_factory=dict)
    """By side table."""
    folder: Path | None = field(default=None, compare=False, repr=False)
    """From which it was read."""

    def names(self, role: Role) -> list[str]:
        """The columns of a role, in order."""
        return [column.name for column in self.columns if column.role == role]

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns to learn from."""
        return tuple(column for column in self.columns if column.role == "feature")

    @property
    def target(self) -> str:
        """The column to predict, of a task that has one."""
        (name,) = self.names("target")
        return name

    def weights(self, part: "pd.DataFrame") -> "np.ndarray | None":
        """How much each row of a part counts, float64, (rows,), 1 on average; None: all alike."""
        import numpy as np

        names = self.names("weight")
        if not names:
            return None
        weights = part[names[0]].to_numpy(np.float64)
        normalised: np.ndarray = weights / weights.mean()
        return normalised

    def table(self, name: str) -> "pd.DataFrame":
        """A side table, all columns.

        :raises UserError: if the file is missing or damaged.
        """
        assert name in self.tables, f"no side table {name!r}"
        assert self.folder is not None, "what was not read from a folder has no files"
        frame = read_parquet(self.folder / TABLES / f"{name}.parquet")
        if frame is None:
            raise UserError(f"{self.folder}: side table {name!r} is missing; `dvc repro` makes it")
        return frame

    def write(self, folder: Path) -> None:
        """Write ``folder/dataset.json``."""
        values = asdict(self)
        del values["folder"]
        write_json(folder / "dataset.json", values)

    @classmethod
    def read(cls, folder: Path) -> "Dataset":
        """Read ``folder/dataset.json``."""
        raw = read_json(folder / "dataset.json")
        raw["columns"] = tuple(Column(**column) for column in raw["columns"])
        raw["classes"] = tuple(raw["classes"])
        return cls(**raw, folder=folder)


def read_part(folder: Path, part: Part) -> "pd.DataFrame | None":
    """The rows of a part, all columns; None where the data set has no such part.

    :raises UserError: if the file is damaged.
    """
    return read_parquet(folder / f"{part}.parquet")


def read_parquet(path: Path) -> "pd.DataFrame | None":
    """All columns of a file; None where there is none.

    :raises UserError: if the file is damaged.
    """
    import pandas as pd
    from pyarrow import ArrowInvalid

    try:
        return pd.read_parquet(path) if path.exists() else None
    except (ArrowInvalid, OSError) as error:
        said = str(error).partition("\n")[0]
        raise UserError(f"{path} is damaged: {said}\n  `dvc repro` generates it anew") from error
