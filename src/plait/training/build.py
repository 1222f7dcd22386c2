"""The chosen network, as a training starts it."""

from typing import TYPE_CHECKING

from plait.config.chosen import settings_in
from plait.models.base import ModelSettings
from plait.models.family import networks_of
from plait.training.job import TrainingJob

if TYPE_CHECKING:
    from torch import nn


def new_network(job: TrainingJob) -> "nn.Module":
    """The chosen network with the weights that it starts from."""
    resolved = job.resolved
    choice = resolved.choice("model")
    settings = settings_in(resolved, "model", ModelSettings)
    network: nn.Module = networks_of(choice).build(
        choice, settings, job.shape, resolved.optional_section("finetuning"), base=job.base
    )
    return network
