"""The Lightning loop, as it runs in each process of a training."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything

from plait.config.chosen import settings_in
from plait.config.registry import module_of, settings_of
from plait.config.resolved import Resolved
from plait.errors import UserError, fault_of_machine
from plait.garbage_collection import collect_as_usual
from plait.json_types import mapping_at
from plait.models.counter_rng import CounterRNG
from plait.models.family import networks_of
from plait.settings import Settings as BaseSettings
from plait.signals import StopRequests, is_termination
from plait.training.adversarial.adversary import Adversary, Attack
from plait.training.adversarial.base import AdversarialSettings
from plait.training.batches import Batches, DistributedBatchSampler, Rows
from plait.training.build import new_network
from plait.training.callbacks.base import CallbackSettings
from plait.training.checkpoint_files import CheckpointFiles
from plait.training.checkpoints import Checkpoints, InPlace, origin
from plait.training.devices import quiet
from plait.training.epoch_end import EpochOrder
from plait.training.job import Arrays, DistributedContext, Trained, TrainingJob
from plait.training.module import BuildOptimizer, BuildSchedule, SupervisedModule
from plait.training.objective import objective_of
from plait.training.profilers import NoProfiler, PrintedProfiler
from plait.training.progress import BestWeights, Curves, NonFiniteLoss, Progress
from plait.training.settings import Settings

KEPT_BY = {"lowest_loss": "val/loss", "highest_accuracy": "val/accuracy", "last": None}
"""The value by which the best epoch is known, for each ``trainer.select_checkpoint``."""


def train(job: TrainingJob, context: DistributedContext, start: Path | None) -> Trained:
    """Train; the epoch that ``trainer.select_checkpoint`` names gives the weights.

    :param start: the checkpoint to go on from.
    :raises UserError: for a loss that is no number, or a callback that lacks a validation part.
    :raises SystemExit: with 143 when SIGTERM asked to stop; the next call goes on.
    :raises KeyboardInterrupt: likewise for Ctrl-C.
    """
    with _as_users_see_it(job.resolved):
        return _train(job, context, start)


def _train(job: TrainingJob, context: DistributedContext, start: Path | None) -> Trained:
    resolved = job.resolved
    settings = Settings.model_validate(resolved.section("trainer"))
    torch.set_num_threads(settings.threads)
    collect_as_usual()
    seed_everything(resolved.integer("seed"), verbose=False)
    dtype = torch.float64 if settings.precision == "64-true" else torch.float32
    rows = _rows_of(job, job.train, dtype, settings.overfit_rows)
    order = DistributedBatchSampler(
        len(rows),
        resolved.integer("batch_size"),
        seed=resolved.integer("seed"),
        micro=settings.micro_batch_size,
        rank=context.rank,
        world=context.world,
        lengths=rows.lengths,
    )
    val_loader = None
    if job.val is not None:
        val_loader = _validation(_rows_of(job, job.val, dtype), context, settings.num_workers)
    # After everything else is set up, so that only the seed decides the initial weights.
    seed_everything(resolved.integer("seed"), verbose=False)
    module = _module(job, settings, dtype, rows, order)

    requests = StopRequests(context.stop_file)
    # The detector names the operation, which says more.
    divergence = NonFiniteLoss(resolved.name, losses=not settings.detect_anomaly)
    checkpoints = Checkpoints(
        CheckpointFiles(job.checkpoints, resolved.name),
        order,
        origin(job),
        requests,
        divergence,
        steps=settings.checkpoint_steps,
        minutes=settings.checkpoint_minutes,
    )
    curves = Curves(job.observe)
    key = None if val_loader is None else KEPT_BY[settings.select_checkpoint]
    chosen = BestWeights(key, least=settings.select_checkpoint == "lowest_loss")
    callbacks: list[Callback] = [EpochOrder()]
    callbacks += _chosen_callbacks(resolved, job.val is not None)
    callbacks += [curves, divergence, chosen, *_progress(resolved.name, context)]
    # Last, so that a checkpoint holds what the others made of the epoch.
    callbacks.append(checkpoints)
    with quiet(), requests.noted(at_once=False), ExitStack() as at_end:
        loader = Batches(rows, order, settings.num_workers)
        for each in (loader, val_loader):
            if each is not None:
                at_end.callback(each.close)
        _trainer(settings, context, order, callbacks).fit(
            module,
            loader,
            val_loader,
            ckpt_path=None if start is None else str(start),
            weights_only=True,
        )
    weights = chosen.weights
    if isinstance(module, SupervisedModule):
        weights = {key.removeprefix("network."): value for key, value in weights.items()}
    return Trained(weights, curves.rows)


def _progress(name: str, context: DistributedContext) -> list[Callback]:
    """Nothing where there is no terminal: each callback costs each step."""
    return [Progress(name)] if sys.stderr.isatty() and context.rank == 0 else []


def _rows_of(
    job: TrainingJob, arrays: Arrays, dtype: torch.dtype, limit: int | None = None
) -> Rows:
    """The rows of a part as tensors.

    :param limit: of how many rows the targets are taken, from the first on; None: of all.
    """
    weights = arrays.weights
    return Rows(
        networks_of(job.resolved.choice("model")).inputs_of(arrays.features, dtype),
        job.shape.task.learnt(torch.from_numpy(arrays.targets[:limit]), dtype),
        None if weights is None else torch.from_numpy(weights[:limit]).to(dtype),
    )


def _validation(rows: Rows, context: DistributedContext, workers: int) -> Batches:
    """The validation part, each row once over all processes."""
    order = DistributedBatchSampler(
        len(rows),
        rows.evaluation_rows,
        shuffle=False,
        rank=context.rank,
        world=context.world,
        lengths=rows.lengths,
    )
    return Batches(rows, order, workers)


def _module(
    job: TrainingJob,
    settings: Settings,
    dtype: torch.dtype,
    rows: Rows,
    order: DistributedBatchSampler,
) -> LightningModule:
    """The chosen network with its training step; one of the user's own may bring its own.

    :param rows: of the training part.
    """
    resolved, batch_size = job.resolved, job.resolved.integer("batch_size")
    network = new_network(job).to(dtype).train()
    if settings.gradient_checkpointing:
        networks_of(resolved.choice("model")).checkpoint_gradients(network)
    if isinstance(network, LightningModule):
        beside = {"adversarial": resolved["adversarial"], "data.weight": rows.weights}
        for key in (key for key, value in beside.items() if value is not None):
            brings = "a LightningModule brings its own training step"
            raise UserError(f"{resolved.name}: {key}: {brings}; set it to null")
        return network
    return SupervisedModule(
        network,
        objective_of(resolved, network, rows.targets),
        _optimizer(resolved),
        _schedule(resolved),
        accumulate=order.pieces,
        batch_rows=lambda batch: min(batch_size, len(rows) - batch * batch_size),
        draws=CounterRNG(resolved.integer("seed")),
        objective_name=resolved.choice("objective"),
        adversary=_adversary(resolved),
    )


def _trainer(
    settings: Settings,
    context: DistributedContext,
    order: DistributedBatchSampler,
    callbacks: list[Callback],
) -> Trainer:
    return TrainerIgnoringSigterm(
        accelerator=settings.accelerator,
        max_epochs=-1 if settings.max_epochs is None else settings.max_epochs,
        max_steps=-1 if settings.max_steps is None else settings.max_steps,
        gradient_clip_val=settings.gradient_clip,
        accumulate_grad_batches=order.pieces,
        detect_anomaly=settings.detect_anomaly,
        profiler=PrintedProfiler() if settings.profile else NoProfiler(),
        callbacks=callbacks,
        deterministic=True,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **_shared_by(context, settings.precision),
    )


class TrainerIgnoringSigterm(Trainer):
    """Leaves SIGTERM to `StopRequests`; Lightning would end the training as if it were complete."""

    @property
    def received_sigterm(self) -> bool:
        """What Lightning itself asks: never."""
        return False

    @property
    def asked_to_stop(self) -> bool:
        """Whether SIGTERM came while Lightning set up, when it takes the signal for itself."""
        return bool(self._signal_connector.received_sigterm)


def _shared_by(context: DistributedContext, precision: str) -> dict[str, Any]:
    """How the trainer shares the work between processes that others started, and in what precision.

    :raises UserError: for a precision that sharding lacks.
    """
    if context.world == 1:
        return {"devices": 1, "precision": precision, "plugins": [InPlace()]}
    from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
    from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy

    shared = {
        "devices": context.devices,
        "num_nodes": context.nodes,
        "plugins": [TorchElasticEnvironment(), InPlace()],
    }
    if context.strategy != "fsdp":
        # The flag keeps gradients in the same buckets from the first step on. Without it they are
        # packed anew after it, a resumed training's at another step, and sums round differently.
        plain = DDPStrategy(find_unused_parameters=True)
        return {**shared, "precision": precision, "strategy": plain}
    if precision == "16-mixed":
        raise UserError("trainer.precision: strategy fsdp has no 16-mixed; use bf16-mixed")
    sharded = ModelParallelStrategy(
        data_parallel_size=context.world,
        tensor_parallel_size=1,
        # Whole ones, from which any number of processes can go on.
        save_distributed_checkpoint=False,
    )
    # Lightning refuses doubles there, which need nothing but weights that are doubles.
    return {**shared, "precision": precision.replace("64", "32"), "strategy": sharded}


def _optimizer(resolved: Resolved) -> BuildOptimizer:
    settings = settings_in(resolved, "optimizer", BaseSettings)
    return partial(_module_of(resolved, "optimizer").build, settings)


def _schedule(resolved: Resolved) -> BuildSchedule:
    settings = settings_in(resolved, "schedule", BaseSettings)
    return partial(_module_of(resolved, "schedule").build, settings)


def _module_of(resolved: Resolved, group: str) -> ModuleType:
    return module_of(group, resolved.choice(group))


def _adversary(resolved: Resolved) -> Adversary | None:
    if resolved["adversarial"] is None:
        return None
    settings = settings_in(resolved, "adversarial", AdversarialSettings)
    attack: Attack = partial(_module_of(resolved, "adversarial").attack, settings)
    return Adversary(attack, settings.loss_weight)


def _chosen_callbacks(resolved: Resolved, has_validation: bool) -> list[Callback]:
    callbacks: list[Callback] = []
    chosen = resolved.section("callbacks")
    for name in chosen:
        settings = settings_of("callbacks", name, CallbackSettings)(**mapping_at(chosen, name))
        if settings.needs_validation and not has_validation:
            raise UserError(
                f"{resolved.name}: callbacks.{name} needs a validation part, and there is none;"
                " set data.split.val above 0"
            )
        callbacks.append(module_of("callbacks", name).build(settings))
    return callbacks


@contextmanager
def _as_users_see_it(resolved: Resolved) -> Iterator[None]:
    """What Lightning and torch raise, as the user knows it."""
    try:
        with _stops_first():
            yield
    except MemoryError as error:
        raise _out_of_memory(resolved, error) from error
    except ValueError as error:
        if "more than 1 value per channel" in str(error):
            raise UserError(
                f"{resolved.name}: batch normalisation cannot learn from one row alone, which the"
                " last batch of an epoch has; choose another batch_size or trainer.micro_batch_size"
            ) from error
        raise
    except RuntimeError as error:
        if fault_of_machine(error) is not None:
            raise _out_of_memory(resolved, error) from error
        if "DTensor" in str(error):
            raise UserError(
                f"{resolved.name}: trainer.strategy: fsdp can't shard a network that reads a"
                " layer's weights without calling the layer; use ddp"
            ) from error
        if resolved["trainer.detect_anomaly"] and "returned nan values" in str(error):
            raise UserError(f"{resolved.name}: {error}") from error
        raise


@contextmanager
def _stops_first() -> Iterator[None]:
    """A request to stop goes before what came of it.

    Lightning ends the process itself at Ctrl-C, with status 1; and what is half set up when SIGTERM
    comes, it fails to tear down.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        behind: BaseException | None = error
        while behind is not None:
            if isinstance(behind, KeyboardInterrupt) or is_termination(behind):
                raise behind from None
            behind = behind.__context__
        raise


def _out_of_memory(resolved: Resolved, error: BaseException) -> UserError:
    return UserError(
        f"{resolved.name}: {fault_of_machine(error)}\n  a smaller trainer.micro_batch_size takes"
        " less; so does trainer.strategy=fsdp on several devices"
    )
