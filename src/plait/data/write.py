"""Write a source's rows as Parquet parts with ``dataset.json`` beside them, chunk by chunk."""

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait import digests
from plait.data import leakage, validation
from plait.data.dataset import PARTS, Column, Dataset, Part, Source, Written
from plait.data.folds import FILE as FOLDS
from plait.data.folds import Divide, columns_read
from plait.data.side_tables import write_tables
from plait.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

ROW = Column("row", "index", "number")
"""The row's number at the source, counted from 0."""

_PARTIAL = ".partial"


def write(source: Source, name: str, folder: Path, divide: Divide | None = None) -> Dataset:
    """Write ``{train,val,test,calibration}.parquet``, the folds if there are any and, last,
    ``dataset.json``.

    Memory holds one chunk, two bytes a row, and eight a row of the later parts.
    Files of parts that the source has not are removed. On an error the folder stays as it was.

    :param source: the rows.
    :param name: the choice under ``conf/data/``.
    :param folder: made if missing.
    :param divide: gives the folds of the training part; None: there are none.
    :returns: what ``dataset.json`` says. ``counts`` has ``rows``, ``rows_in_no_part`` and
        ``duplicates_across_parts``: the rows of the others whose features and target also stand in
        an earlier part.
    :raises UserError: if a value is missing, infinite or of the wrong type, or for what `divide`
        refuses.
    """
    for column in source.columns:
        if column.name == ROW.name:
            raise UserError(
                f"data source {name!r} has a column named 'row', the name kept for the rows'"
                " numbers; rename or drop it"
            )
    folder.mkdir(parents=True, exist_ok=True)
    files = {each: folder / each for each in (*(f"{part}.parquet" for part in PARTS), FOLDS)}
    partial = {each: path.with_name(f".{each}{_PARTIAL}") for each, path in files.items()}
    parts = {part: partial[f"{part}.parquet"] for part in PARTS}
    try:
        with ExitStack() as open_hashes:
            written = _write_parts(source, name, parts, open_hashes)
            dataset = _describe(source, name, written)
        leakage.refuse_shared_rows(
            [path for path in parts.values() if path.exists()], len(source.part_of_row)
        )
        if divide is not None:
            digest = _write_folds(divide, dataset, parts["train"], partial[FOLDS])
            dataset = replace(dataset, digest=_digest([dataset.digest, digest]))
        # Without dataset.json no reader takes the parts for whole while they are replaced.
        (folder / "dataset.json").unlink(missing_ok=True)
        for each, path in partial.items():
            if path.exists():
                os.replace(path, files[each])
            else:
                files[each].unlink(missing_ok=True)
        tables = write_tables(source.tables, folder)
        if tables:
            digest = _digest([dataset.digest, tables])
            dataset = replace(dataset, tables=tables, digest=digest, folder=folder)
        dataset.write(folder)
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)
    return dataset


class _PartWriter:
    """A Parquet file that grows, the digest of its contents and the hashes of its rows."""

    def __init__(self, path: Path, columns: tuple[Column, ...]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        arrow = {"float64": pa.float64(), "int64": pa.int64(), "str": pa.string()}
        arrow["datetime64[us]"] = pa.timestamp("us")
        kinds = {column.name: validation.dtype(column) for column in columns}
        self.schema = pa.schema([(name, arrow[kind]) for name, kind in kinds.items()])
        self.file = parquet.ParquetWriter(
            path,
            self.schema,
            # Random floats: nine times faster to write without a dictionary.
            use_dictionary=[name for name, kind in kinds.items() if kind == "str"],
        )
        self.content = [
            column.name
            for column in columns
            if column.role in ("feature", "text", "file", "target")
        ]
        self.digests = {name: digests.of_rows() for name in kinds}
        # Closed by `write`, once the parts' hashes have been compared.
        self.hashes = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115
        self.rows = 0

    def append(self, frame: "pd.DataFrame") -> None:
        """Add rows with all columns in order."""
        import pyarrow as pa

        table = pa.Table.from_pandas(frame, self.schema, preserve_index=False, nthreads=1)
        self.file.write_table(table.replace_schema_metadata(None))
        for name, digest in self.digests.items():
            digest.update(_bytes(frame[name]))
        leakage.hashed(frame[self.content]).tofile(self.hashes)
        self.rows += len(frame)

    def digest(self) -> str:
        """Of names, types and values; the chunks that brought them do not matter."""
        described = [
            [field.name, str(field.type), self.digests[field.name].hexdigest()]
            for field in self.schema
        ]
        return _digest(described)


def _write_parts(
    source: Source, name: str, paths: dict[Part, Path], open_hashes: ExitStack
) -> dict[str, _PartWriter]:
    import numpy as np

    part_of_row = source.part_of_row
    columns = (ROW, *source.columns)
    names = [column.name for column in source.columns]
    schema = validation.schema(source)
    written: dict[str, _PartWriter] = {}
    start = 0
    try:
        for number, part in enumerate(PARTS):
            if (part_of_row == number).any():
                written[part] = _PartWriter(paths[part], columns)
                open_hashes.callback(written[part].hashes.close)
        for chunk in source.chunks:
            end = start + len(chunk)
            assert end <= len(part_of_row), f"{name}: more rows than part_of_row has"
            chunk = chunk.set_axis(np.arange(start, end), axis=0)
            parts = part_of_row[start:end]
            kept = chunk[parts >= 0]
            validation.validate(kept, schema, name)
            for number, part in enumerate(PARTS):
                rows = chunk.loc[parts == number, names]
                if len(rows):
                    rows.insert(0, ROW.name, rows.index.to_numpy())
                    written[part].append(rows)
            start = end
            _show_progress(start, len(part_of_row))
    finally:
        for open_part in written.values():
            open_part.file.close()
    assert start == len(part_of_row), f"{name}: {start} rows for {len(part_of_row)} parts"
    return written


def _write_folds(divide: Divide, dataset: Dataset, train: Path, path: Path) -> str:
    """Write the folds of the training part.

    :returns: the digest of the file's contents.
    """
    import pandas as pd

    divide(dataset, pd.read_parquet(train, columns=columns_read(dataset))).write(path)
    return digests.of_rows(path.read_bytes()).hexdigest()


def _describe(source: Source, name: str, written: dict[str, _PartWriter]) -> Dataset:
    parts: dict[str, Written] = {
        part: {"rows": of.rows, "digest": of.digest()} for part, of in written.items()
    }
    in_parts = sum(of.rows for of in written.values())
    return Dataset(
        source=name,
        task=source.task,
        columns=(ROW, *source.columns),
        classes=source.classes,
        parts=parts,
        digest=_digest([parts, source.classes, [_meaning(each) for each in source.columns]]),
        provenance=source.provenance,
        licence=source.licence,
        counts={
            **source.counts,
            "rows": len(source.part_of_row),
            "rows_in_no_part": len(source.part_of_row) - in_parts,
            "duplicates_across_parts": leakage.duplicates_across_parts(
                [part.hashes for part in written.values()]
            ),
        },
        facts=source.facts,
    )


def _bytes(values: "pd.Series") -> Any:
    """The values as bytes, such that those of two chunks joined are those of the whole."""
    import numpy as np

    if values.dtype == "str":
        texts = values.astype(object).where(values.notna(), None).tolist()
        return (json.dumps(texts)[1:-1] + ", ").encode()
    array = values.to_numpy()
    if array.dtype == np.float64:
        # One NaN for all: a missing value has many bit patterns.
        array = np.where(np.isnan(array), np.nan, array)
    return np.ascontiguousarray(array).view(np.uint8)


def _meaning(column: Column) -> dict[str, str]:
    """What is known of a column but for how its values were written."""
    return {key: getattr(column, key) for key in ("name", "role", "type", "unit")}


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True).encode()
    return digests.of_rows(text).hexdigest()


def _show_progress(rows: int, of: int) -> None:
    """A line on a terminal that overwrites itself; nothing in a pipe."""
    if sys.stderr.isatty():
        end = "\n" if rows == of else ""
        print(f"\rgenerate: {rows:,} of {of:,} rows ({rows / of:.0%})", end=end, file=sys.stderr)
        sys.stderr.flush()
