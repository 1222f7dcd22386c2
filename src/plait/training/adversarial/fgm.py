"""A step along the gradient: r = size * g / ||g||.

Miyato, Dai and Goodfellow (2017), Adversarial training methods for semi-supervised text
classification, equation 4.
"""

from typing import TYPE_CHECKING

from plait.training.adversarial.kinds import AdversarialSettings, LossOf

if TYPE_CHECKING:
    from torch import Tensor


class Settings(AdversarialSettings):
    """``adversarial: fgm``."""


def worst(settings: Settings, loss_of: LossOf, unshifted: "Tensor", loss: "Tensor") -> "Tensor":
    """The shift of one step."""
    from plait.training.adversarial.steps import direction

    return settings.size * direction(loss, unshifted, keep=True)
