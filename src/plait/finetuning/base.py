"""The contract of a fine-tuning method."""

from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict

from plait.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

Targets = Literal["query_value", "attention", "all"]
"""Linear layers of a transformer that a method changes, by what they are for."""


class MethodState(TypedDict, total=False):
    """What steps go by beside the weights; empty of a method that goes by those alone."""

    importance: "dict[str, Tensor]"
    mean: "dict[str, Tensor]"
    spread: "dict[str, Tensor]"
    pattern: dict[str, list[bool]] | None
    """Which entries are left, by weight, once that is final."""


class FinetuningSettings(Settings):
    """Settings of a choice whose ``apply(settings, body)`` returns a `Finetuned`.

    ``body`` is a transformer without head, of which nothing is trained yet.
    """

    saves_body: ClassVar[bool] = False
    """Whether the pretrained weights are trained too, so that they are part of the result."""

    lr: float = setting(
        "learning rate that suits the method, for experiments to refer to as ${finetuning.lr}", gt=0
    )
