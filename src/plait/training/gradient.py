"""The fit of a network by gradients, in this process or in as many as there are devices."""

from plait.config.resolved import Resolved
from plait.forkserver.torchmetrics_import import import_torchmetrics
from plait.models.family import networks_of
from plait.training.build import new_network
from plait.training.job import DistributedContext, Fitted, Training, TrainingJob
from plait.training.settings import Settings


def prepare(resolved: Resolved) -> str:
    """Import Lightning, and check that this machine has the devices asked for.

    :returns: the devices that training will use, such as ``cpu`` or ``8 x NVIDIA H100``.
    :raises UserError: for devices that this machine does not have.
    """
    import_torchmetrics()
    import lightning.pytorch  # noqa: F401

    from plait.training.devices import check_devices, describe_devices

    settings = Settings.model_validate(resolved.section("trainer"))
    check_devices(settings)
    return describe_devices(settings)


def fit(job: TrainingJob) -> Fitted:
    """Train; the epoch that ``trainer.select_checkpoint`` names gives the weights.

    :raises UserError: for a loss that is no number, devices that this machine does not have, a
        callback that lacks a validation part, or a process that died.
    """
    from plait.training.checkpoints import newest
    from plait.training.devices import check_devices, processes_here
    from plait.training.distributed.exchange import exclusive_lock
    from plait.training.distributed.launch import train_in_processes
    from plait.training.loop import train

    settings = Settings.model_validate(job.resolved.section("trainer"))
    check_devices(settings)
    context = DistributedContext(
        devices=processes_here(settings), nodes=settings.num_nodes, strategy=settings.strategy
    )
    with exclusive_lock(job.checkpoints, job.resolved.name):
        start = newest(job)
    run = train if context.world == 1 else train_in_processes
    trained = run(job, context, start)
    network = new_network(job)
    dtype = next(value.dtype for value in trained.weights.values() if value.is_floating_point())
    network.to(dtype)
    networks_of(job.resolved.choice("model")).take(network, trained.weights)
    return Fitted(network.cpu().eval(), trained.curves)


TRAINING = Training(prepare, fit)
