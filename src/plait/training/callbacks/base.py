"""The contract of a callback."""

from collections.abc import Iterator
from typing import ClassVar

from plait.settings import Chosen, Settings


class CallbackSettings(Settings):
    """Settings of a choice whose ``build(settings)`` returns a `lightning.pytorch.Callback`.

    It sees ``train/loss``, ``val/loss`` and the objective's values in ``trainer.callback_metrics``
    at the end of each epoch.
    """

    needs_validation: ClassVar[bool] = False
    """Whether it reads values of the validation part, which must then not be empty."""

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse data without a validation part, where the callback reads it."""
        if self.needs_validation and not chosen["data"].may_validate:
            name = next(key for key, each in chosen.settings.items() if each is self)
            yield f"{name}: needs a validation part; set data.split.val above 0"
