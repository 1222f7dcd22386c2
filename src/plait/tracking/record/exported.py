"""A trained network as `torch.export` writes it: it runs without the code that built it."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from plait.artifacts import read_json
from plait.models.trained import DESCRIPTION, TrainedModel, member_folders

if TYPE_CHECKING:
    import pandas as pd

NETWORK = "network.pt2"


def export(model: TrainedModel, source: Path, folder: Path, rows: "pd.DataFrame") -> None:
    """Write ``folder``: ``model.json`` and the network for any number of rows.

    :param source: the folder that ``model`` was read from.
    :param rows: at least two rows of raw columns, to trace it with.
    """
    import torch

    inputs = torch.from_numpy(model.preprocessor.transform(rows))
    folder.mkdir(parents=True)
    shutil.copy(source / DESCRIPTION, folder)
    places = member_folders(folder, read_json(source / DESCRIPTION))
    for member, place in zip(model.members, places, strict=True):
        network = member.fitted.eval()
        dtype = next(network.parameters()).dtype
        program = torch.export.export(
            network, (inputs.to(dtype),), dynamic_shapes=({0: torch.export.Dim("rows", min=1)},)
        )
        place.mkdir(exist_ok=True)
        torch.export.save(program, place / NETWORK)


def load_exported(folder: Path) -> TrainedModel:
    """Read what `export` wrote: the same model, the network taken from the export."""
    import torch

    from plait.data.preprocessing import ColumnPreprocessor

    raw = read_json(folder / DESCRIPTION)
    fitted, *others = (
        torch.export.load(place / NETWORK).module() for place in member_folders(folder, raw)
    )
    return TrainedModel(
        choice=raw["choice"],
        settings=raw["settings"],
        task=raw["task"],
        classes=tuple(raw["classes"]),
        preprocessor=ColumnPreprocessor.from_json(raw["preprocessing"]),
        fitted=fitted,
        others=tuple(others),
        link=raw.get("link", "identity"),
    )
