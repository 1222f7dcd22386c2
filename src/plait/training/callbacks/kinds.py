"""The contract of a callback."""

from typing import ClassVar

from plait.settings import Settings


class CallbackSettings(Settings):
    """Of a choice whose ``build(settings)`` returns a `lightning.pytorch.Callback`.

    It sees ``train/loss``, ``val/loss`` and the objective's values in ``trainer.callback_metrics``
    at the end of each epoch.
    """

    needs_validation: ClassVar[bool] = False
    """Whether it reads values of the validation part, which must then not be empty."""
