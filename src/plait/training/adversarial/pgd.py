"""Several steps along gradients, kept within a ball: projected gradient descent.

Madry, Makelov, Schmidt, Tsipras and Vladu (2018), Towards deep learning models resistant to
adversarial attacks, section 2.1; in the Euclidean norm.
"""

from typing import TYPE_CHECKING

from plait.settings import setting
from plait.training.adversarial.base import AdversarialSettings, LossOf

if TYPE_CHECKING:
    from torch import Tensor


class Settings(AdversarialSettings):
    """``adversarial: pgd``."""

    steps: int = setting("steps along the gradient, each with a forward and a backward pass", ge=1)
    step_size: float = setting("Euclidean norm of each step", gt=0)


def attack(
    settings: Settings, loss_of: LossOf, zero_perturbation: "Tensor", loss: "Tensor"
) -> "Tensor":
    """The shift after the last step."""
    from plait.training.adversarial.steps import direction, within

    shift = settings.step_size * direction(loss, zero_perturbation, keep=True)
    shift = within(shift, settings.epsilon)
    for _ in range(settings.steps - 1):
        shift.requires_grad_(True)
        step = settings.step_size * direction(loss_of(shift), shift, keep=False)
        shift = within(shift.detach() + step, settings.epsilon)
    return shift
