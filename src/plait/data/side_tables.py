"""Tables that rows refer to, written beside the parts: the items and users of a shop."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from plait import digests
from plait.data.dataset import TABLES, Written

if TYPE_CHECKING:
    import pandas as pd


def write_tables(tables: "Mapping[str, pd.DataFrame]", folder: Path) -> dict[str, Written]:
    """Write ``folder/tables/NAME.parquet`` for each table; those of before are removed.

    :param tables: by name; columns are numbers, texts or dates.
    :param folder: of the data set.
    :returns: by table: ``rows``, and ``digest`` of the file's contents.
    """
    target = folder / TABLES
    partial = target.with_name(f".{TABLES}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    described: dict[str, Written] = {}
    try:
        for name, frame in sorted(tables.items()):
            partial.mkdir(exist_ok=True)
            path = partial / f"{name}.parquet"
            frame.to_parquet(path, index=False)
            digest = digests.of_rows(path.read_bytes()).hexdigest()
            described[name] = {"rows": len(frame), "digest": digest}
        shutil.rmtree(target, ignore_errors=True)
        if described:
            os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return described
