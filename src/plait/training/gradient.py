"""The fit of a network by gradients, on whatever devices there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from plait.config.pairs import module_of, settings_of
from plait.config.resolved import Resolved
from plait.errors import UserError
from plait.training.fit import Arrays, Fitted, Task
from plait.training.settings import Settings


def prepare(resolved: Resolved) -> str:
    """Import Lightning, and check that this machine has the devices asked for.

    :returns: the devices that training will use, such as ``cpu``.
    :raises UserError: for devices that this machine does not have.
    """
    import lightning.pytorch  # noqa: F401

    from plait.training.devices import check_devices, describe_devices

    settings = Settings(**resolved["trainer"])
    check_devices(settings)
    return describe_devices(settings)


def fit(task: Task) -> Fitted:
    """Train; of the epochs, the one with the lowest validation loss gives the weights, or the last.

    :raises UserError: for a loss that is no number, devices that this machine does not have, or a
        callback that lacks a validation part.
    """
    import torch
    from lightning.pytorch import LightningModule, Trainer, seed_everything

    from plait.training.batches import EVALUATION_ROWS, EpochOrder, Rows, loader
    from plait.training.checkpoints import Checkpoints
    from plait.training.devices import check_devices, quiet
    from plait.training.epoch_end import EpochMeans, ValidateLastStep
    from plait.training.module import SupervisedModule
    from plait.training.progress import BestWeights, Curves, Divergence, Progress

    resolved = task.resolved
    choice = resolved.choice("model")
    settings = settings_of("model", choice)(**resolved.settings("model"))
    trainer_settings = Settings(**resolved["trainer"])
    check_devices(trainer_settings)
    torch.set_num_threads(trainer_settings.threads)
    seed_everything(resolved["seed"], verbose=False)
    dtype = torch.float64 if trainer_settings.precision == "64-true" else torch.float32

    def rows_of(arrays: Arrays, limit: int | None = None) -> Rows:
        features = torch.from_numpy(arrays.features[:limit]).to(dtype)
        targets = torch.from_numpy(arrays.targets[:limit])
        return Rows(features, targets.to(dtype) if task.shape.task == "regression" else targets)

    train_rows = rows_of(task.train, trainer_settings.overfit_rows)
    batch_size = resolved["batch_size"]
    micro = min(trainer_settings.micro_batch_size or batch_size, batch_size)
    order = EpochOrder(len(train_rows), batch_size, seed=resolved["seed"], micro=micro)
    train_loader = loader(train_rows, order, trainer_settings.workers)
    val_loader = None
    if task.val is not None:
        val_rows = rows_of(task.val)
        val_order = EpochOrder(len(val_rows), EVALUATION_ROWS, shuffle=False)
        val_loader = loader(val_rows, val_order, trainer_settings.workers)

    # After everything else is set up, so that only the seed decides the initial weights.
    seed_everything(resolved["seed"], verbose=False)
    network = module_of("model", choice).build(settings, task.shape)
    module: LightningModule
    if isinstance(network, LightningModule):
        module = network
    else:
        module = SupervisedModule(
            network,
            _built(resolved, "objective")(),
            _built(resolved, "optimizer"),
            _built(resolved, "schedule"),
            accumulate=-(-batch_size // micro),
            batch_rows=lambda batch: min(batch_size, len(train_rows) - batch * batch_size),
        )

    curves, best = Curves(task.observe), BestWeights()
    checkpoints = Checkpoints(task.checkpoints, trainer_settings.checkpoint_minutes)
    callbacks = [EpochMeans(), ValidateLastStep()]
    callbacks += _chosen_callbacks(resolved, task.val is not None)
    callbacks += [curves, Divergence(resolved.name)]
    if val_loader is not None:
        callbacks.append(best)
    # Last, so that a checkpoint holds what the others made of the epoch.
    callbacks += [Progress(resolved.name), checkpoints]
    resumed_from = checkpoints.latest
    with quiet():
        trainer = Trainer(
            accelerator=trainer_settings.accelerator,
            devices=1,
            precision=trainer_settings.precision,
            max_epochs=-1 if trainer_settings.max_epochs is None else trainer_settings.max_epochs,
            max_steps=-1 if trainer_settings.max_steps is None else trainer_settings.max_steps,
            gradient_clip_val=trainer_settings.gradient_clip,
            accumulate_grad_batches=-(-batch_size // micro),
            detect_anomaly=trainer_settings.detect_anomaly,
            profiler="simple" if trainer_settings.profile else None,
            callbacks=callbacks,
            deterministic=True,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        if resumed_from is not None:
            print(f"{resolved.name}: resumed from a checkpoint")
        with _as_users_see_it(resolved):
            trainer.fit(
                module,
                train_loader,
                val_loader,
                ckpt_path=None if resumed_from is None else str(resumed_from),
                weights_only=True,
            )
    if best.epoch is not None:
        module.load_state_dict(best.weights)
    trained = module.network if isinstance(module, SupervisedModule) else module
    return Fitted(trained.cpu().eval(), curves.rows)


def _built(resolved: Resolved, group: str) -> Any:
    """The builder of a choice, its settings given."""
    choice = resolved.choice(group)
    settings = settings_of(group, choice)(**resolved.settings(group))
    return partial(module_of(group, choice).build, settings)


def _chosen_callbacks(resolved: Resolved, has_validation: bool) -> list[Any]:
    callbacks = []
    for name, values in resolved["callbacks"].items():
        settings: Any = settings_of("callbacks", name)(**values)
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
        yield
    except SystemExit as exit:
        # Lightning ends the process itself at Ctrl-C, with status 1.
        if isinstance(exit.__context__, KeyboardInterrupt):
            raise exit.__context__ from None
        raise
    except ValueError as error:
        if "more than 1 value per channel" in str(error):
            raise UserError(
                f"{resolved.name}: batch normalisation cannot learn from one row alone, which the"
                " last batch of an epoch has; choose another batch_size or trainer.micro_batch_size"
            ) from error
        raise
    except RuntimeError as error:
        if resolved["trainer.detect_anomaly"] and "returned nan values" in str(error):
            raise UserError(f"{resolved.name}: {error}") from error
        raise
