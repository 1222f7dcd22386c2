"""What a family of models says of itself, and the family of the chosen model.

The module of a family's models defines one instance, ``FAMILY``, of a class that derives from
`ModelFamily`, from `GradientFamily`, or from both; that of its inputs defines ``PREPROCESSOR``, a
class that derives from `plait.data.preprocessing.Preprocessor`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from plait.config.registry import family_of
from plait.data.preprocessing import Preprocessor
from plait.errors import UserError
from plait.json_types import Json, Values
from plait.models.base import Inputs, ModelSettings, Shape

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

ChoiceSettings = TypeVar("ChoiceSettings", bound=ModelSettings)
"""The settings of the family's choices."""
Model = TypeVar("Model")
"""What is fitted: a `torch.nn.Module`, a scikit-learn estimator, …"""
Encoded = TypeVar("Encoded")
"""A part's inputs as the family takes them: numbers, tokens, …"""


class EncodedFamily(ABC, Generic[Encoded]):
    """Inputs that can be written as arrays: what every family has."""

    @abstractmethod
    def pack(self, features: Encoded) -> "dict[str, np.ndarray]":
        """The inputs as arrays by name."""


class ModelFamily(EncodedFamily[Encoded], Generic[ChoiceSettings, Model, Encoded]):
    """Models that predict and are kept."""

    def packages(self, choice: str) -> tuple[str, ...]:
        """Distributions that a logged model needs to predict, beside those that all need."""
        return ()

    @abstractmethod
    def encode(self, settings: ChoiceSettings, features: "np.ndarray") -> Encoded:
        """What a model is given, from what preprocessing gives."""

    @abstractmethod
    def predict(self, fitted: Model, features: "np.ndarray", shape: Shape) -> "np.ndarray":
        """What preprocessing gives, (rows, …), to what the task predicts, (rows, …)."""

    @abstractmethod
    def save(self, fitted: Model, folder: Path) -> Values:
        """Write what was fitted; equal models give equal bytes.

        :returns: what `load` needs beside it, for ``model.json``.
        """

    @abstractmethod
    def load(
        self,
        folder: Path,
        choice: str,
        settings: ChoiceSettings,
        shape: Shape,
        extra: Values,
    ) -> Model:
        """Read what `save` wrote, without unpickling.

        :param extra: what ``model.json`` holds.
        :raises UserError: if a file is damaged or missing, or another model's.
        """

    def complete(
        self, settings: ChoiceSettings, finetuning: Mapping[str, Json] | None, folder: Path
    ) -> None:
        """Put into a folder that `save` wrote what else it takes to predict on any machine."""

    def linear_terms(self, fitted: Model) -> "tuple[np.ndarray, float]":
        """Weights (inputs,) and bias of a linear regression; asked of choices that are one."""
        raise NotImplementedError(f"{type(self).__name__} has no linear regression")


class GradientFamily(EncodedFamily[Encoded], Generic[ChoiceSettings, Model, Encoded]):
    """Networks that the loop of training takes."""

    @abstractmethod
    def build(
        self,
        choice: str,
        settings: ChoiceSettings,
        shape: Shape,
        finetuning: Values | None = None,
        *,
        base: Path | None = None,
    ) -> Model:
        """The network with the weights that training starts from.

        :param choice: under ``conf/model/``.
        :param finetuning: the choice of a method and its settings.
        :param base: the pretrained model, if it is not where the settings say.
        :raises UserError: if the model or the method does not fit.
        """

    @abstractmethod
    def take(self, network: Model, weights: "dict[str, Tensor]") -> None:
        """Put trained weights in their places.

        :raises UserError: if they are another network's.
        """

    @abstractmethod
    def unpack(self, arrays: "dict[str, np.ndarray]") -> Encoded:
        """The inverse of `pack`."""

    @abstractmethod
    def inputs_of(self, features: Encoded, dtype: "torch.dtype") -> Inputs:
        """The inputs as batches take them."""

    def checkpoint_gradients(self, network: Model) -> None:
        """Let the network keep each layer's input alone, and compute the rest again for gradients.

        :raises UserError: if it can't.
        """
        raise UserError("trainer.gradient_checkpointing: this model has none; set it to false")


def models_of(choice: str) -> ModelFamily[Any, Any, Any]:
    """The family that predicts by a choice of model."""
    module = family_of(choice).models
    family = import_module(module).FAMILY
    assert isinstance(family, ModelFamily), f"{module}.FAMILY is no ModelFamily"
    return family


def networks_of(choice: str) -> GradientFamily[Any, Any, Any]:
    """The family that a choice of model is trained in by gradients."""
    module = family_of(choice).models
    family = import_module(module).FAMILY
    assert isinstance(family, GradientFamily), f"{module}.FAMILY is no GradientFamily"
    return family


def preprocessor_of(choice: str) -> type[Preprocessor]:
    """The preprocessing that a choice of model has its inputs from."""
    module = family_of(choice).inputs
    preprocessor: type[Preprocessor] = import_module(module).PREPROCESSOR
    assert issubclass(preprocessor, Preprocessor), f"{module}.PREPROCESSOR is no Preprocessor"
    return preprocessor
