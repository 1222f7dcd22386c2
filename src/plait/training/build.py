"""The chosen network, as a training starts it."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from plait.config.registry import family_of, settings_of
from plait.config.resolved import Resolved
from plait.training.task import Task

if TYPE_CHECKING:
    from torch import nn


def models_of(resolved: Resolved) -> ModuleType:
    """The module that handles the chosen kind of model."""
    return import_module(family_of(resolved.choice("model")).models)


def new_network(task: Task) -> "nn.Module":
    """The chosen network with the weights that it starts from."""
    resolved = task.resolved
    choice = resolved.choice("model")
    settings = settings_of("model", choice)(**resolved.settings("model"))
    more = {} if task.base is None else {"base": task.base}
    network: nn.Module = models_of(resolved).build(
        choice, settings, task.shape, resolved["finetuning"], **more
    )
    return network
