"""A trained model on disk: what it takes to predict from the source's raw columns.

A folder with ``model.json`` (the choice, its settings, the fitted preprocessing, the task) and the
weights: ``weights.safetensors`` of a network, ``estimator.skops`` of an estimator, or trees in a
format of their library's. None executes anything when it is read. Further members of an ensemble,
or those of cross-validation, lie in ``member_2/``, …, each with a ``model.json`` of its own where
that says other than the first's.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.artifacts import read_json, write_json
from plait.config.registry import family_of, settings_of
from plait.config.renamed import section_today
from plait.data.preprocessing import ColumnPreprocessor, Preprocessor
from plait.data.rows import columns_of, frame_of
from plait.errors import UserError
from plait.json_types import Values
from plait.models.base import Link, Shape
from plait.models.family import ModelFamily, models_of, preprocessor_of
from plait.models.follows import Calibration, Decision
from plait.tasks.registry import task_named

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PREDICTION_ROWS = 4096
"""Rows at once; fixed, so that no setting changes a prediction's last digit."""

DESCRIPTION = "model.json"

BASE = "base"
"""The folder inside that holds the pretrained model, where it is of this model's own."""


@dataclass(frozen=True)
class TrainedModel:
    """A model and the preprocessing that was fitted with it."""

    choice: str
    settings: Values
    task: str
    """A name of `plait.tasks.registry.TASKS`."""
    classes: tuple[str, ...]
    preprocessor: Preprocessor
    fitted: Any
    """A `torch.nn.Module`, a scikit-learn estimator, or boosted trees."""
    finetuning: Values | None = None
    """Of a pretrained model: the choice of the method and its settings."""
    others: "tuple[TrainedModel, ...]" = ()
    """Further models, whose predictions are averaged with this one's."""
    link: Link = "identity"
    """As `Shape` has it."""
    calibration: Calibration | None = None
    """What becomes of its probabilities; of an ensemble, of their average. It is saved apart, see
    `plait.calibration.attach`, and so is the next."""
    decision: Decision | None = None
    """How answers are made of probabilities; None: the likeliest class."""

    @property
    def members(self) -> "tuple[TrainedModel, ...]":
        """The models whose predictions `average` takes, one alone of a single model; uncalibrated,
        for that comes after the average.
        """
        return (replace(self, others=(), calibration=None, decision=None), *self.others)

    @property
    def is_network(self) -> bool:
        """Whether ``fitted`` is a network that takes numbers alone."""
        return family_of(self.choice).name == "network"

    @property
    def shape(self) -> Shape:
        """What the model maps between."""
        task = task_named(self.task)
        return Shape(task, self.preprocessor.width, task.outputs(self.classes), self.link)

    def predict(self, rows: "pd.DataFrame | Mapping[str, object]") -> "np.ndarray":
        """Predictions from raw columns.

        :param rows: DataFrame (rows, …) with at least the feature columns, as in the Parquet
            parts; or by column one value each, which is one row, or a list or array each, which is
            the fastest way for few rows.
        :returns: (rows, …), as the task has it; regression: float64, (rows,), in the target's unit;
            of classes their probabilities, float64, (rows, classes), in the order of ``classes``.
        :raises UserError: naming row and value, for a category that training has not seen.
        """
        import numpy as np

        if self.others:
            return self.average([member.predict(rows) for member in self.members])
        family, shape = self._family, self.shape
        pieces = [family.predict(self.fitted, inputs, shape) for inputs in self._inputs(rows)]
        predicted = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return self._calibrated(self.preprocessor.target.decode(predicted))

    def answers(self, prediction: "np.ndarray") -> "pd.DataFrame":
        """Predictions as columns for people: as the task has them, decided as this model decides.

        :param prediction: as `predict` gives it.
        """
        table = task_named(self.task).answers(prediction, self.classes)
        if self.decision is not None:
            said = self.decision.numbers(prediction)
            table["prediction"] = [self.classes[number] for number in said]
        return table

    def _inputs(self, rows: "pd.DataFrame | Mapping[str, object]") -> "Iterator[np.ndarray]":
        """What the model takes, `PREDICTION_ROWS` at a time."""
        if isinstance(rows, Mapping):
            columns, count = columns_of(rows)
            if count <= PREDICTION_ROWS:
                yield self.preprocessor.transform_columns(columns)
                return
            rows = frame_of(columns)
        if len(rows) <= PREDICTION_ROWS:
            yield self.preprocessor.transform(rows)
            return
        for start in range(0, len(rows), PREDICTION_ROWS):
            yield self.preprocessor.transform(rows.iloc[start : start + PREDICTION_ROWS])

    def average(self, predictions: "list[np.ndarray]") -> "np.ndarray":
        """What is predicted where the `members` predict these."""
        return self._calibrated(task_named(self.task).average(predictions))

    def _calibrated(self, prediction: "np.ndarray") -> "np.ndarray":
        return prediction if self.calibration is None else self.calibration(prediction)

    def coefficients(self) -> dict[str, float] | None:
        """Of a linear regression, in raw units: by raw feature name and ``"(bias)"``; else None."""
        linear = self.choice in ("linear", "least_squares") and self.link == "identity"
        if not linear or self.preprocessor.target.scaling is None:
            return None
        if self.others:
            found = [member.coefficients() or {} for member in self.members]
            return {key: math.fsum(one[key] for one in found) / len(found) for key in found[0]}
        assert isinstance(self.preprocessor, ColumnPreprocessor), "a regression on columns"
        return self.preprocessor.raw_linear(*self._family.linear_terms(self.fitted))

    def save(self, folder: Path) -> None:
        """Write the folder; equal models give equal bytes."""
        description = self._save_alone(folder)
        for number, other in enumerate(self.others):
            place = member_folder(folder, number)
            own = other._save_alone(place)
            if own != {key: value for key, value in description.items() if key != "others"}:
                write_json(place / DESCRIPTION, own)
        write_json(folder / DESCRIPTION, description)

    def _save_alone(self, folder: Path) -> Values:
        """Write what was fitted, without the other members.

        :returns: the description.
        """
        folder.mkdir(parents=True, exist_ok=True)
        extra = self._family.save(self.fitted, folder)
        return {
            "choice": self.choice,
            "settings": self.settings,
            "task": self.task,
            "classes": list(self.classes),
            **({} if self.finetuning is None else {"finetuning": self.finetuning}),
            **({"others": len(self.others)} if self.others else {}),
            **({} if self.link == "identity" else {"link": self.link}),
            **extra,
            "preprocessing": self.preprocessor.to_json(),
        }

    @classmethod
    def load(cls, folder: Path) -> "TrainedModel":
        """Read what `save` wrote, without unpickling.

        :raises UserError: if the folder holds no whole model.
        """
        model, extra = cls.describe(folder)

        def with_weights(place: Path, described: TrainedModel, extra: Values) -> TrainedModel:
            settings = settings_of("model", described.choice)(**described.settings)
            fitted = described._family.load(
                place, described.choice, settings, described.shape, extra
            )
            return replace(described, fitted=fitted)

        first, *others = (
            with_weights(place, *(cls.describe(place) if own else (model, extra)))
            for place, own in member_folders(folder, extra)
        )
        return replace(first, others=tuple(others))

    @classmethod
    def describe(cls, folder: Path) -> "tuple[TrainedModel, Values]":
        """What ``model.json`` says: the model without what was fitted, and further keys.

        :raises UserError: if the folder holds no model.
        """
        try:
            raw = read_json(folder / DESCRIPTION)
            classes = tuple(raw["classes"])
            preprocessor = preprocessor_of(raw["choice"]).from_json(raw["preprocessing"])
            raw["settings"] = section_today("model", raw["choice"], raw["settings"])
            if "finetuning" in raw:
                method = raw["finetuning"]
                raw["finetuning"] = section_today("finetuning", method["choice"], method)
            model = cls(
                raw["choice"],
                raw["settings"],
                raw["task"],
                classes,
                preprocessor,
                None,
                raw.get("finetuning"),
                link=raw.get("link", "identity"),
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{folder.name}: no trained model here ({error})") from error
        return model, raw

    @property
    def _family(self) -> ModelFamily[Any, Any, Any]:
        return models_of(self.choice)


def member_folder(folder: Path, number: int) -> Path:
    """Where the member stands that is the ``number``-th of `TrainedModel.others`."""
    return folder / f"member_{number + 2}"


def member_folders(folder: Path, description: Values) -> list[tuple[Path, bool]]:
    """Where the members of a model stand, the first in its folder itself; and whether each has a
    ``model.json`` of its own there, without which the first's is of it too.

    :param description: what its ``model.json`` holds.
    """
    count = description.get("others", 0)
    assert isinstance(count, int), "`TrainedModel.save` writes their number"
    others = [member_folder(folder, number) for number in range(count)]
    return [(folder, True), *((place, (place / DESCRIPTION).exists()) for place in others)]
