"""The order of things at the end of an epoch, where Lightning's own would be wrong.

Lightning asks plain callbacks first, then the module, then early stopping, then those callbacks
that it takes for checkpointing.
"""

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from plait.training.module import SupervisedModule


class AfterEpoch(Checkpoint):
    """Base of callbacks whose ``on_train_epoch_end`` comes last: all values are logged by then,
    and early stopping has decided.
    """


class EpochOrder(Callback):
    """Comes first: what every other callback reads is this epoch's, and the last epoch is whole."""

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Have the module log its means; a user's own module logs by itself."""
        if isinstance(module, SupervisedModule):
            module.log_means()

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: object, batch: object, index: int
    ) -> None:
        """End a training at ``max_steps`` like one that is stopped early: with a validation, which
        Lightning leaves out in the middle of an epoch. It is about to ask whether to validate.
        """
        if trainer.global_step == trainer.max_steps:
            trainer.should_stop = True
