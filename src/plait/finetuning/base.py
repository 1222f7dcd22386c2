"""The contract of a fine-tuning method."""

from typing import ClassVar, Literal

from plait.settings import Settings, setting

Targets = Literal["query_value", "attention", "all"]
"""Linear layers of a transformer that a method changes, by what they are for."""


class FinetuningSettings(Settings):
    """Settings of a choice whose ``apply(settings, body)`` returns a `Finetuned`.

    ``body`` is a transformer without head, of which nothing is trained yet.
    """

    saves_body: ClassVar[bool] = False
    """Whether the pretrained weights are trained too, so that they are part of the result."""

    lr: float = setting(
        "learning rate that suits the method, for experiments to refer to as ${finetuning.lr}", gt=0
    )
