"""A trained network as `torch.export` writes it: it runs without the code that built it."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

    places = member_folders(source, read_json(source / DESCRIPTION))
    for member, (origin, own) in zip(model.members, places, strict=True):
        place = folder / origin.relative_to(source)
        place.mkdir(parents=True)
        if own:
            shutil.copy(origin / DESCRIPTION, place)
        network = member.fitted.eval()
        dtype = next(network.parameters()).dtype
        inputs = torch.from_numpy(member.preprocessor.transform(rows)).to(dtype)
        program = torch.export.export(
            network, (inputs,), dynamic_shapes=({0: torch.export.Dim("rows", min=1)},)
        )
        torch.export.save(program, place / NETWORK)


def load_exported(folder: Path) -> TrainedModel:
    """Read what `export` wrote: the same model, the network taken from the export."""
    import torch

    from plait.data.preprocessing import ColumnPreprocessor

    raw = read_json(folder / DESCRIPTION)

    def member(place: Path, raw: dict[str, Any]) -> TrainedModel:
        return TrainedModel(
            choice=raw["choice"],
            settings=raw["settings"],
            task=raw["task"],
            classes=tuple(raw["classes"]),
            preprocessor=ColumnPreprocessor.from_json(raw["preprocessing"]),
            fitted=torch.export.load(place / NETWORK).module(),
            link=raw.get("link", "identity"),
        )

    first, *others = (
        member(place, read_json(place / DESCRIPTION) if own else raw)
        for place, own in member_folders(folder, raw)
    )
    return replace(first, others=tuple(others))
