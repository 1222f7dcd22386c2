"""From raw columns to the numbers that a model takes: fitted on training rows, kept with the model.

Imports nothing but numpy and pandas from outside: it travels with every logged model.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, Self

from pydantic import TypeAdapter

from plait.data.dataset import Dataset, Type
from plait.data.raw_column import column_of
from plait.errors import UserError
from plait.json_types import Values, text_at
from plait.settings import Settings as Base
from plait.settings import setting
from plait.tasks.base import TargetEncoder
from plait.tasks.registry import task_named
from plait.tasks.scaling import mean_and_scale
from plait.tasks.single import some

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BIAS = "(bias)"
"""The name of a linear model's constant among its coefficients."""


class Settings(Base):
    """The section ``preprocessing``."""

    feature_scaling: Literal["standard", "none"] = setting(
        "scaling of numbers and dates; standard: to mean 0 and standard deviation 1; none: as"
        " they are"
    )
    target_scaling: Literal["standard", "none"] = setting(
        "scaling of a regression's target, by the same choices; metrics and predictions stay"
        " in the target's unit"
    )
    impute: Literal["median", "mean"] = setting(
        "value that stands for a missing number, beside an input that says it was missing"
    )


@dataclass(frozen=True)
class _Feature:
    """What was fitted of one column: an input (x - mean) / scale, or one input a category."""

    name: str
    type: Type
    mean: float
    scale: float
    fill: float | None
    """For a missing number or date; None where the training part missed none."""
    categories: list[str] | None
    missing_input: bool
    """Whether one more input says that the value was missing."""

    @property
    def inputs(self) -> list[str]:
        names = [self.name]
        if self.categories is not None:
            names = [f"{self.name}={category}" for category in self.categories]
        return [*names, f"{self.name} is missing"] if self.missing_input else names


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
    features: tuple[_Feature, ...]

    @classmethod
    def fit(
        cls, train: "pd.DataFrame", dataset: Dataset, settings: Settings
    ) -> "ColumnPreprocessor":
        """Fit on the training part alone.

        :param train: (rows, …) of the training part.
        :param dataset: names and types of the columns, and the classes.
        :param settings: how to scale and impute.
        :raises UserError: if a feature has a type that is no number, category or date, or the
            training part has no value of it.
        """
        fitted = tuple(
            _fit(column_of(train, column.name), column.type, settings)
            for column in dataset.features
        )
        return cls(fit_target(train, dataset, settings), fitted)

    @property
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
        :raises UserError: if a column is missing, or naming column, row and value: for a category
            that training has not seen, what is no number or date, an infinity, and a value that
            is missing where the training part missed none.
        """
        import numpy as np

        inputs = np.empty((len(frame), len(self.input_names)))
        start = 0
        for feature in self.features:
            end = start + len(feature.inputs)
            inputs[:, start:end] = _transform(feature, column_of(frame, feature.name))
            start = end
        return inputs

    def raw_linear(self, weights: "np.ndarray", bias: float) -> dict[str, float] | None:
        """A linear regression's coefficients as if it had been fitted to the raw columns.

        y = target_scale * (w·(x - mean) / scale + bias) + target_mean.

        :param weights: (inputs,).
        :param bias: in the scaled target's unit.
        :returns: by column, in target's unit per column's unit, and `BIAS`; None for a
            classification, or if a feature is no plain number.
        """
        plain = all(
            feature.type == "number" and not feature.missing_input for feature in self.features
        )
        if self.target.scaling is None or not plain:
            return None
        target_scale, target_mean = self.target.scaling
        raw = {}
        constant = bias
        for feature, weight in zip(self.features, weights.tolist(), strict=True):
            raw[feature.name] = target_scale * weight / feature.scale
            constant -= weight * feature.mean / feature.scale
        return raw | {BIAS: target_scale * constant + target_mean}

    def to_json(self) -> Values:
        """Plain values from which `from_json` makes an equal preprocessor."""
        return {
            **self.target.to_json(),
            "features": [asdict(feature) for feature in self.features],
        }

    @classmethod
    def from_json(cls, values: Values) -> "ColumnPreprocessor":
        """The preprocessor that `to_json` described."""
        of_target = {key: value for key, value in values.items() if key != "features"}
        features = TypeAdapter(tuple[_Feature, ...]).validate_python(values["features"])
        return cls(task_named(text_at(values, "task")).encoder(of_target), features)


PREPROCESSOR = ColumnPreprocessor


def fit_target(train: "pd.DataFrame", dataset: Dataset, settings: Settings) -> TargetEncoder:
    """The target's encoder, fitted on the training part.

    :param train: (rows, …) of the training part.
    """
    return task_named(dataset.task).fit(
        train, dataset.names("target"), dataset.classes, scale=settings.target_scaling == "standard"
    )


def _fit(values: "pd.Series", kind: Type, settings: Settings) -> _Feature:
    import numpy as np

    name = str(values.name)
    missing = bool(values.isna().any())
    if values.isna().all():
        raise UserError(f"feature {name!r} has no value in the training part; drop it")
    if kind == "category":
        categories = sorted({str(value) for value in values.dropna()})
        return _Feature(name, kind, 0.0, 1.0, None, categories, missing)
    if kind not in ("number", "date"):
        raise UserError(
            f"feature {name!r} is of type {kind}; this model takes numbers, categories and dates"
        )
    numbers = _as_numbers(values, kind)
    present = numbers[~np.isnan(numbers)]
    mean, scale = mean_and_scale(present) if settings.feature_scaling == "standard" else (0.0, 1.0)
    middle = np.median(present) if settings.impute == "median" else np.mean(present)
    return _Feature(name, kind, mean, scale, float(middle) if missing else None, None, missing)


def _transform(feature: _Feature, values: "pd.Series") -> "np.ndarray":
    """The inputs of one column, (rows, inputs)."""
    import numpy as np

    missing = values.isna().to_numpy()
    if missing.any() and not feature.missing_input:
        raise UserError(
            f"column {feature.name!r}, row {values.index[int(np.argmax(missing))]}: the value is"
            " missing, and training had none that showed how to impute it"
        )
    if feature.categories is None:
        numbers = _as_numbers(values, feature.type)
        if feature.fill is not None:
            numbers = np.where(missing, feature.fill, numbers)
        inputs = ((numbers - feature.mean) / feature.scale)[:, None]
    else:
        inputs = _one_hot(feature.name, feature.categories, values, missing)
    return np.column_stack([inputs, missing]) if feature.missing_input else inputs


def _one_hot(
    name: str, categories: list[str], values: "pd.Series", missing: "np.ndarray"
) -> "np.ndarray":
    import numpy as np
    import pandas as pd

    texts = pd.Index([None if pd.isna(value) else str(value) for value in values], dtype=object)
    numbers = pd.Index(categories, dtype=object).get_indexer(texts)
    unseen = (numbers < 0) & ~missing
    if unseen.any():
        row = int(np.argmax(unseen))
        raise UserError(
            f"column {name!r}, row {values.index[row]}: training has not seen the category"
            f" {values.iloc[row]!r}; it knows {some(categories)}"
        )
    return np.equal(numbers[:, None], np.arange(len(categories))).astype(np.float64)


def _as_numbers(values: "pd.Series", kind: Type) -> "np.ndarray":
    """Numbers, or days since 1970; NaN where missing; float64, (rows,)."""
    import numpy as np
    import pandas as pd

    if kind == "date":
        dates = pd.to_datetime(values, errors="coerce", utc=True)
        _refuse(values, dates.isna() & values.notna(), "is not a date")
        days = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        return days.to_numpy(np.float64)
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.astype("float64")
    else:
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    _refuse(values, numbers.isna() & values.notna(), "is not a number")
    _refuse(values, numbers.abs() == float("inf"), "is infinite")
    return numbers.to_numpy(np.float64)


def _refuse(values: "pd.Series", faults: "pd.Series", what: str) -> None:
    bad = values[faults]
    if len(bad):
        raise UserError(f"column {values.name!r}, row {bad.index[0]}: {bad.iloc[0]!r} {what}")
