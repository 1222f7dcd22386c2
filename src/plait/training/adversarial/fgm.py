"""A step along the gradient: r = size * g / ||g||.

Miyato, Dai and Goodfellow (2017), Adversarial training methods for semi-supervised text
classification, equation 4.
"""

from typing import TYPE_CHECKING

from plait.training.adversarial.base import AdversarialSettings, LossOf

if TYPE_CHECKING:
    from torch import Tensor


class Settings(AdversarialSettings):
    """``adversarial: fgm``."""


def attack(
    settings: Settings, loss_of: LossOf, zero_perturbation: "Tensor", loss: "Tensor"
) -> "Tensor":
    """The shift of one step."""
    from plait.training.adversarial.steps import direction

    return settings.epsilon * direction(loss, zero_perturbation, keep=True)
