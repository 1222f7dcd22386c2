"""Trained scikit-learn estimators: predictions, and files by skops.

Reading one executes nothing; equal ones have equal bytes.
"""

import io
import re
import sys
import warnings
import zipfile
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from plait.errors import UserError
from plait.json_types import Values
from plait.models.base import EstimatorSettings, Shape
from plait.models.family import ModelFamily

if TYPE_CHECKING:
    import numpy as np
    from sklearn.base import BaseEstimator

ESTIMATOR = "estimator.skops"

LINEAR = ("LinearRegression", "Ridge")
"""Those whose prediction is a weighted sum of the features, and a bias."""

FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a ZIP file can hold."""


def _skops() -> ModuleType:
    """`skops.io`, imported without all of scikit-learn.

    skops asks for the list of scikit-learn's estimators, for which all modules there are imported,
    and PyTorch and pytest with them: most of the time that a stage of a small estimator takes.
    `_is_estimator` answers for a single type instead.
    """
    if "skops.io" not in sys.modules:
        import sklearn.utils

        listed = sklearn.utils.all_estimators
        sklearn.utils.all_estimators = lambda: []
        try:
            return import_module("skops.io")
        finally:
            sklearn.utils.all_estimators = listed
    return import_module("skops.io")


def _is_estimator(name: str) -> bool:
    """Whether scikit-learn itself has a public estimator of this name, with its module's."""
    module, _, last = name.rpartition(".")
    if module.partition(".")[0] != "sklearn" or last.startswith("_"):
        return False
    from sklearn.base import BaseEstimator

    try:
        named = getattr(import_module(module), last, None)
    except ImportError:
        return False
    return isinstance(named, type) and issubclass(named, BaseEstimator)


def _without_padding(content: bytes) -> bytes:
    """An array file with zeros between the fields of its records, where anything may lie: a
    tree's nodes are memory that was never cleared.
    """
    import numpy as np

    array = np.load(io.BytesIO(content))
    if array.dtype.names is None:
        return content
    clean = np.zeros(array.shape, array.dtype)  # zeros_like leaves the gaps as they are
    for field in array.dtype.names:
        clean[field] = array[field]
    stream = io.BytesIO()
    np.save(stream, clean)
    return stream.getvalue()


class Estimators(ModelFamily[EstimatorSettings, "BaseEstimator", "np.ndarray"]):
    """Estimators of numbers: float64, (rows, inputs); or of texts: object, (rows,)."""

    def packages(self, choice: str) -> tuple[str, ...]:
        """What a logged model needs."""
        return ("scikit-learn", "skops")

    def encode(self, settings: EstimatorSettings, features: "np.ndarray") -> "np.ndarray":
        """What an estimator is given, from what preprocessing gives: the same."""
        return features

    def pack(self, features: "np.ndarray") -> "dict[str, np.ndarray]":
        """As arrays by name."""
        return {"features": features}

    def fit(
        self,
        estimator: "BaseEstimator",
        features: "np.ndarray",
        targets: "np.ndarray",
        weights: "np.ndarray | None" = None,
    ) -> None:
        """Fit it in place.

        :param weights: how much each row counts, (rows,); None: all alike.
        :raises ValueError: in scikit-learn's own words.
        """
        with warnings.catch_warnings():
            # Of a label that every row has: it is then predicted for all.
            warnings.filterwarnings(
                "ignore", message="Label .* is present in all training examples"
            )
            weighted = {} if weights is None else {"sample_weight": weights}
            estimator.fit(features, targets, **weighted)

    def predict(
        self, estimator: "BaseEstimator", features: "np.ndarray", shape: Shape
    ) -> "np.ndarray":
        """float64 (rows, inputs) to (rows,) or to class probabilities (rows, outputs)."""
        import numpy as np

        if not len(features):  # which scikit-learn refuses
            return np.zeros(0 if shape.task.scalar else (0, shape.outputs))
        if type(estimator).__name__ in LINEAR:
            # One product and one sum after another, which every CPU rounds alike.
            prediction = np.full(len(features), float(estimator.intercept_))
            for weight, column in zip(estimator.coef_, features.T, strict=True):
                prediction += weight * column
            return prediction
        if shape.task.scalar:
            return np.asarray(estimator.predict(features), dtype=np.float64)
        probabilities = np.zeros((len(features), shape.outputs))
        # A class that the training part lacks keeps probability zero.
        probabilities[:, estimator.classes_] = estimator.predict_proba(features)
        return probabilities

    def linear_terms(self, estimator: "BaseEstimator") -> "tuple[np.ndarray, float]":
        """Weights (inputs,) and bias of a linear regression."""
        return estimator.coef_.ravel(), float(estimator.intercept_)

    def save(self, estimator: "BaseEstimator", folder: Path) -> Values:
        """Write the estimator, without the times, object addresses and padding that skops writes.

        :returns: what `load` needs beside it: nothing.
        """
        dumps = _skops().dumps
        with zipfile.ZipFile(io.BytesIO(dumps(estimator))) as source:
            contents = {name: source.read(name) for name in source.namelist()}
        schema = contents.pop("schema.json").decode()
        # Addresses serve as names: of shared objects in the schema, and of the array files.
        names: dict[str, str] = {}

        def renamed(match: re.Match[str]) -> str:
            return names.setdefault(match[0], str(len(names)))

        schema = re.sub(r"(?<=\"__id__\": )\d+|(?<=\")\d+(?=\.npy\")", renamed, schema)
        files = {re.sub(r"^\d+", renamed, name): content for name, content in contents.items()}
        with zipfile.ZipFile(folder / ESTIMATOR, "w") as target:
            for name, content in [("schema.json", schema.encode()), *sorted(files.items())]:
                entry = zipfile.ZipInfo(name, FIXED_TIME)
                content = _without_padding(content) if name.endswith(".npy") else content
                target.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=6)
        return {}

    def load(
        self,
        folder: Path,
        choice: str,
        settings: EstimatorSettings,
        shape: Shape,
        extra: Values,
    ) -> "BaseEstimator":
        """Read the estimator.

        :param settings: name the types that it may hold beside those on skops' list.
        :raises UserError: if the file holds any other type, or is damaged or missing.
        """
        skops = _skops()
        path = folder / ESTIMATOR
        try:
            asked = set(skops.get_untrusted_types(file=path)) - set(settings.trusted)
            trusted = {name for name in asked if _is_estimator(name)}
            foreign = sorted(asked - trusted)
            estimator = None if foreign else skops.load(path, trusted=[*settings.trusted, *trusted])
        except Exception as error:  # a damaged archive fails in many ways: ZIP, zlib, JSON, numpy
            raise UserError(
                f"{ESTIMATOR} cannot be read ({error}); `dvc repro` rebuilds it"
            ) from error
        if foreign:
            raise UserError(
                f"{ESTIMATOR} holds types that are not trusted, so it is not loaded:"
                f" {', '.join(foreign)}"
            )
        return estimator


FAMILY = Estimators()
