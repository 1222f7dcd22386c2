"""Which encoder a column gets, by its type, what the training part holds and the settings."""

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from plait.data.dataset import Column
from plait.data.encoders.base import ColumnEncoder
from plait.data.encoders.dates import Dates
from plait.data.encoders.left_out import LeftOut
from plait.data.encoders.number import Number
from plait.data.encoders.one_hot import OneHot, divided
from plait.data.encoders.settings import EncoderSettings
from plait.data.encoders.target_mean import TargetMean
from plait.errors import UserError
from plait.json_types import Plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ENCODERS: dict[str, type[ColumnEncoder]] = {
    each.kind: each for each in (Number, OneHot, TargetMean, Dates, LeftOut)
}

IDENTIFYING_SHARE = 0.95
"""Of a column's training rows that have a value of their own: it names rows, and tells nothing."""

IDENTIFYING_ROWS = 20
"""Training rows from which on that can be seen."""


def fit_encoder(
    values: "pd.Series", column: Column, settings: EncoderSettings, targets: "np.ndarray"
) -> ColumnEncoder:
    """Fit the encoder of a column on the training part.

    :param values: raw, (rows,).
    :param targets: as the model learns them, (rows, …).
    :raises UserError: for a type that is no number, category or date.
    """
    scaled = settings.feature_scaling == "standard"
    if column.type not in ("number", "category", "date"):
        raise UserError(
            f"feature {column.name!r} is of type {column.type}; this model takes numbers,"
            " categories and dates"
        )
    if values.isna().all():
        return LeftOut(column.name, "no value in the training part")
    if column.type == "number":
        return Number.fit(values, scaled=scaled, impute=settings.impute, decimal=column.decimal)
    if column.type == "date":
        parts = settings.dates == "parts"
        return Dates.fit(
            values,
            scaled=scaled,
            parts=parts,
            impute=settings.impute,
            date_format=column.date_format,
        )
    if values.nunique() == 1 and not values.isna().any():
        return LeftOut(column.name, "the same in every training row")
    strict = settings.unseen == "error"
    if settings.identifiers == "leave_out" and _identifies(values):
        return LeftOut(column.name, "nearly every row has a value of its own")
    common, rare = divided(values, settings.rare_below)
    if len(common) + bool(rare) <= settings.one_hot_up_to:
        return OneHot.fit(values, rare_below=settings.rare_below, strict=strict)
    return TargetMean.fit(values, targets, scaled=scaled, strict=strict)


def _identifies(values: "pd.Series") -> bool:
    present = values.dropna()
    many = len(present) >= IDENTIFYING_ROWS
    return many and present.nunique() >= IDENTIFYING_SHARE * len(present)


def encoder_of(values: Plain) -> ColumnEncoder:
    """The encoder that `ColumnEncoder.to_json` described, or the description of a model that was
    recorded when there were three kinds, told apart by their fields.

    :raises ValueError: for a description of neither.
    """
    if not isinstance(values, dict):
        raise ValueError(f"an encoder is described by a mapping, not by {values!r}")
    described = dict(values)
    kind = described.pop("encoder", None)
    if kind is None:
        kind = described.pop("type")
        mean, scale = described.pop("mean"), described.pop("scale")
        fill, categories = described.pop("fill"), described.pop("categories")
        if kind == "category":
            kind = OneHot.kind
            described |= {"categories": categories, "rare": [], "strict": True}
        elif kind == "date":
            described |= {"parts": [], "mean": [mean], "scale": [scale], "fill": fill}
        else:
            described |= {"mean": mean, "scale": scale, "fill": fill}
    if not isinstance(kind, str) or kind not in ENCODERS:
        raise ValueError(f"there is no encoder {kind!r}")
    return TypeAdapter(ENCODERS[kind]).validate_python(described)
