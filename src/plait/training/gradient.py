"""The fit of a network by gradients, in this process or in as many as there are devices."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from plait.config.registry import family_of, settings_of
from plait.config.resolved import Resolved
from plait.training.fit import Fitted, Task
from plait.training.settings import Settings

if TYPE_CHECKING:
    from torch import nn


def prepare(resolved: Resolved) -> str:
    """Import Lightning, and check that this machine has the devices asked for.

    :returns: the devices that training will use, such as ``cpu`` or ``8 x NVIDIA H100``.
    :raises UserError: for devices that this machine does not have.
    """
    import lightning.pytorch  # noqa: F401

    from plait.training.devices import check_devices, describe_devices

    settings = Settings(**resolved["trainer"])
    check_devices(settings)
    return describe_devices(settings)


def fit(task: Task) -> Fitted:
    """Train; the epoch that ``trainer.keep`` names gives the weights.

    :raises UserError: for a loss that is no number, devices that this machine does not have, a
        callback that lacks a validation part, or a process that died.
    """
    from plait.training.checkpoints import newest
    from plait.training.devices import check_devices, processes_here
    from plait.training.launch import train_in_processes
    from plait.training.loop import Place, train
    from plait.training.rank import alone

    settings = Settings(**task.resolved["trainer"])
    check_devices(settings)
    place = Place(
        devices=processes_here(settings), nodes=settings.nodes, strategy=settings.strategy
    )
    with alone(task.checkpoints, task.resolved.name):
        start = newest(task)
    run = train if place.world == 1 else train_in_processes
    trained = run(task, place, start)
    network = new_network(task)
    dtype = next(value.dtype for value in trained.weights.values() if value.is_floating_point())
    network.to(dtype)
    models_of(task.resolved).take(network, trained.weights)
    return Fitted(network.cpu().eval(), trained.curves)


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
