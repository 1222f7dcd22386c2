"""The chosen network, as a training starts it."""

from typing import TYPE_CHECKING

from plait.config.chosen import settings_in
from plait.models.base import ModelSettings
from plait.models.family import networks_of
from plait.training.task import Task

if TYPE_CHECKING:
    from torch import nn


def new_network(task: Task) -> "nn.Module":
    """The chosen network with the weights that it starts from."""
    resolved = task.resolved
    choice = resolved.choice("model")
    settings = settings_in(resolved, "model", ModelSettings)
    network: nn.Module = networks_of(choice).build(
        choice, settings, task.shape, resolved.optional_section("finetuning"), base=task.base
    )
    return network
