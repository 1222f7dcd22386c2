"""From raw columns to the numbers that a model takes: fitted on training rows, kept with the model.

Imports nothing but numpy and pandas from outside: it travels with every logged model.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

from plait.data.dataset import Dataset
from plait.data.encoders.base import ColumnEncoder
from plait.data.encoders.choose import encoder_of, fit_encoder
from plait.data.encoders.number import Number
from plait.data.encoders.settings import EncoderSettings
from plait.data.raw_column import column_of
from plait.data.rows import Columns, frame_of, values_of
from plait.errors import UserError
from plait.json_types import Values, list_at, text_at
from plait.settings import Chosen, setting
from plait.tasks.base import TargetEncoder
from plait.tasks.registry import task_named
from plait.tasks.scaling import TargetScaling
from plait.tasks.transforms import Transform

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BIAS = "(bias)"
"""The name of a linear model's constant among its coefficients."""


FEW = 32
"""Rows up to which one value after another is faster than whole columns."""


class Settings(EncoderSettings):
    """The section ``preprocessing``."""

    target_scaling: Literal["standard", "none"] = setting(
        "scaling of a regression's target, by the same choices; metrics and predictions stay"
        " in the target's unit"
    )
    target_transform: Transform = setting(
        "transform of a regression's target, all above 0, that is learnt in its place; log: natural"
        " logarithm; box_cox: power of greatest likelihood, 0 to 2; undone in predictions, which"
        " are medians then"
    )

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """A transform of what is no number."""
        task = chosen["data"].task
        if self.target_transform != "none" and not task_named(task).scalar:
            yield (
                f"preprocessing.target_transform: a {task} has no number to transform; set it to"
                " none"
            )


class Preprocessor(ABC):
    """From a part's columns to the inputs of a family of models, and to what is learnt and back."""

    target: TargetEncoder
    """Maps the target, read only."""

    @classmethod
    @abstractmethod
    def fit(cls, train: "pd.DataFrame", dataset: Dataset, settings: Settings) -> Self:
        """Fit on the training part alone.

        :param train: (rows, …) of the training part.
        :param dataset: names and types of the columns, and the classes.
        :param settings: how to scale and impute.
        :raises UserError: for columns that cannot be inputs.
        """

    @property
    @abstractmethod
    def width(self) -> int:
        """How many inputs a row has."""

    @abstractmethod
    def transform(self, frame: "pd.DataFrame") -> "np.ndarray":
        """The inputs, (rows, …).

        :param frame: raw columns, as the source has them; more than the inputs' do not matter.
        :raises UserError: if a column is missing, or naming column and row of a faulty value.
        """

    def transform_columns(self, columns: Columns) -> "np.ndarray":
        """The inputs, (rows, …), of rows that are no DataFrame.

        :raises UserError: as `transform` does.
        """
        return self.transform(frame_of(columns))

    def of_training(self, frame: "pd.DataFrame") -> "np.ndarray":
        """The inputs of the very rows that it was fitted on, (rows, …), for the model to learn."""
        return self.transform(frame)

    @abstractmethod
    def to_json(self) -> Values:
        """Plain values from which `from_json` makes an equal preprocessor."""

    @classmethod
    @abstractmethod
    def from_json(cls, values: Values) -> Self:
        """The preprocessor that `to_json` described."""


@dataclass(frozen=True)
class ColumnPreprocessor(Preprocessor):
    """Maps raw feature columns to inputs, and the target to what is learnt and back."""

    target: TargetEncoder
    features: tuple[ColumnEncoder, ...]

    @classmethod
    def fit(
        cls, train: "pd.DataFrame", dataset: Dataset, settings: Settings
    ) -> "ColumnPreprocessor":
        """Fit on the training part alone.

        :param train: (rows, …) of the training part.
        :param dataset: names and types of the columns, and the classes.
        :param settings: how to scale and impute.
        :raises UserError: if a feature has a type that is no number, category or date, or nothing
            is left to learn from.
        """
        target = fit_target(train, dataset, settings)
        targets = target.encode(train)
        fitted = tuple(
            fit_encoder(column_of(train, column.name), column, settings, targets)
            for column in dataset.features
        )
        if not any(feature.inputs for feature in fitted):
            told = "; ".join(f"{feature.name}: {feature.treatment}" for feature in fitted)
            raise UserError(f"no column is left to learn from ({told})")
        return cls(target, fitted)

    @cached_property
    def used(self) -> tuple[ColumnEncoder, ...]:
        """The columns that become inputs; others need not be there."""
        return tuple(feature for feature in self.features if feature.inputs)

    @cached_property
    def width(self) -> int:
        """How many inputs there are."""
        return len(self.input_names)

    @property
    def input_names(self) -> list[str]:
        """The inputs' names: ``age``, ``city=Bonn``, ``age is missing``, …"""
        return [name for feature in self.features for name in feature.inputs]

    def transform(self, frame: "pd.DataFrame") -> "np.ndarray":
        """The inputs of a model.

        :param frame: raw columns, as the source has them; more than the features do not matter.
        :returns: float64, (rows, inputs), without missing values.
        :raises UserError: if a column is missing, or naming column, row and value: for what is no
            number or date, an infinity, and an unseen category where those are errors.
        """
        if 0 < len(frame) <= FEW and frame.columns.is_unique:
            # At once: to take a column out of a frame costs more than to encode it.
            values = zip(*frame.to_numpy(dtype=object).tolist(), strict=True)
            inputs = self._by_value(dict(zip(frame.columns, values, strict=True)), len(frame))
            if inputs is not None:
                return inputs
        return self._joined(
            len(frame),
            [each.transform(column_of(frame, each.name)) for each in self.used],
        )

    def transform_columns(self, columns: Columns) -> "np.ndarray":
        """The inputs of rows that are no DataFrame: see `Preprocessor.transform_columns`."""
        rows = len(next(iter(columns.values()), ()))
        if rows <= FEW:
            there = [each.name for each in self.used if each.name in columns]
            inputs = self._by_value({name: values_of(columns[name]) for name in there}, rows)
            if inputs is not None:
                return inputs
        return self.transform(frame_of(columns))

    def _by_value(self, columns: dict[str, Sequence[object]], rows: int) -> "np.ndarray | None":
        """The inputs, one value after another; None where a column has to be seen as a whole."""
        import numpy as np

        if any(encoder.name not in columns for encoder in self.used):
            return None
        encoded = [(encoder, columns[encoder.name]) for encoder in self.used]
        inputs: list[float] = []
        for row in range(rows):
            for encoder, values in encoded:
                found = encoder.of_value(values[row])
                if found is None:
                    return None
                inputs += found
        return np.array(inputs, dtype=np.float64).reshape(rows, self.width)

    def of_training(self, frame: "pd.DataFrame") -> "np.ndarray":
        """The inputs of the training part: see `Preprocessor.of_training`."""
        targets = self.target.encode(frame)
        return self._joined(
            len(frame),
            [each.of_training(column_of(frame, each.name), targets) for each in self.used],
        )

    def _joined(self, rows: int, pieces: "list[np.ndarray]") -> "np.ndarray":
        import numpy as np

        inputs = np.empty((rows, self.width))
        start = 0
        for piece in pieces:
            inputs[:, start : start + piece.shape[1]] = piece
            start += piece.shape[1]
        return inputs

    def raw_linear(self, weights: "np.ndarray", bias: float) -> dict[str, float] | None:
        """A linear regression's coefficients as if it had been fitted to the raw columns.

        y = target_scale * (w·(x - mean) / scale + bias) + target_mean.

        :param weights: (inputs,).
        :param bias: in the scaled target's unit.
        :returns: by column, in target's unit per column's unit, and `BIAS`; None for a
            classification, or if a feature is no plain number.
        """
        plain = [
            feature
            for feature in self.features
            if isinstance(feature, Number) and not feature.missing_input
        ]
        if self.target.scaling is None or len(plain) < len(self.features):
            return None
        target_scale, target_mean = self.target.scaling
        raw = {}
        constant = bias
        for feature, weight in zip(plain, weights.tolist(), strict=True):
            raw[feature.name] = target_scale * weight / feature.scale
            constant -= weight * feature.mean / feature.scale
        return raw | {BIAS: target_scale * constant + target_mean}

    def to_json(self) -> Values:
        """Plain values from which `from_json` makes an equal preprocessor."""
        return {
            **self.target.to_json(),
            "features": [{**feature.to_json()} for feature in self.features],
        }

    @classmethod
    def from_json(cls, values: Values) -> "ColumnPreprocessor":
        """The preprocessor that `to_json` described."""
        of_target = {key: value for key, value in values.items() if key != "features"}
        features = tuple(encoder_of(each) for each in list_at(values, "features"))
        return cls(task_named(text_at(values, "task")).encoder(of_target), features)


PREPROCESSOR = ColumnPreprocessor


def fit_target(train: "pd.DataFrame", dataset: Dataset, settings: Settings) -> TargetEncoder:
    """The target's encoder, fitted on the training part.

    :param train: (rows, …) of the training part.
    """
    return task_named(dataset.task).fit(
        train,
        dataset.names("target"),
        dataset.classes,
        TargetScaling(settings.target_transform, settings.target_scaling == "standard"),
    )
