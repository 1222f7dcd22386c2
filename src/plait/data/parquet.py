"""Columns of Parquet, and of Arrow: as exactly as they are kept, or refused."""

from collections.abc import Callable, Container
from typing import IO, TYPE_CHECKING

from plait.data.header import check_names
from plait.errors import UserError
from plait.tasks.label_sets import to_text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_PANDAS_INDEX = "__index_level_"
"""How a column begins that pandas wrote for an index without a name."""


def read_parquet(
    stream: IO[bytes], path: str, lists: Container[str], is_used: Callable[[str], bool]
) -> "pd.DataFrame":
    """The columns of a file; those that are not used come without values.

    :param lists: columns that may hold lists of labels.
    :param is_used: of a column, whether its values are read.
    :raises UserError: if it is no whole Parquet file, or holds what `from_arrow` refuses.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        opened = parquet.ParquetFile(stream)
        names = [name for name in opened.schema_arrow.names if not name.startswith(_PANDAS_INDEX)]
        check_names(names, path)
        used = [name for name in names if is_used(name)]
        table = opened.read(columns=used)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise UserError(
            f"{path} is not a whole Parquet file, as its ending says: {reason}"
        ) from None
    return pd.DataFrame(
        {
            name: from_arrow(table[name], name, path, name in lists)
            if name in used
            else pd.Series(index=range(opened.metadata.num_rows), dtype="str")
            for name in names
        }
    )


def from_arrow(values: "pa.ChunkedArray", name: str, path: str, may_be_lists: bool) -> "pd.Series":
    """A column as `plait.data.reading.read` returns it.

    :param may_be_lists: whether lists of labels are read.
    :raises UserError: if it holds what is no number, text, truth value or date, or a date between
        microseconds.
    """
    import pandas as pd
    import pyarrow as pa

    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _dates(values, name, path)
    if pa.types.is_integer(kind):
        # Not as float64, which has no exact place for each of them.
        whole = pa.uint64() if pa.types.is_uint64(kind) else pa.int64()
        exact = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
        return pd.Series(values.cast(whole).to_pandas(types_mapper=exact.get))
    if pa.types.is_floating(kind):
        return pd.Series(values.cast(pa.float64()).to_pandas())
    if pa.types.is_decimal(kind):
        return pd.Series(values.to_pylist(), dtype="object")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        try:
            values.validate(full=True)
        except pa.ArrowInvalid as error:
            raise UserError(f"{path}: column {name!r} holds no valid text: {error}") from None
        return pd.Series(values.cast(pa.large_string()).to_pandas(), dtype="str")
    if pa.types.is_boolean(kind):
        return pd.Series(values.cast(pa.string()).to_pandas(), dtype="str")
    if may_be_lists and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        texts = [None if row is None else to_text(row) for row in values.to_pylist()]
        return pd.Series(texts, dtype="str")
    if pa.types.is_null(kind):
        return pd.Series(index=range(len(values)), dtype="str")
    raise UserError(
        f"{path}: column {name!r} holds {kind}; plait reads numbers, texts and dates: convert it"
    )


def _dates(values: "pa.ChunkedArray", name: str, path: str) -> "pd.Series":
    """As ``datetime64[us]``; a time zone's instants are kept, as UTC."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as compute

    kind = values.type
    if pa.types.is_timestamp(kind):
        kind = pa.timestamp(kind.unit)
    naive = values.cast(kind)
    dates = naive.cast(pa.timestamp("us"), safe=False)
    changed = compute.index(compute.not_equal(dates.cast(kind, safe=False), naive), True).as_py()
    if changed >= 0:
        raise UserError(
            f"{path}: column {name!r}, row {changed}: {naive[changed].cast(pa.string())} is not"
            " kept by a date in microseconds; round it, or write it as text"
        )
    return pd.Series(dates.to_pandas())
