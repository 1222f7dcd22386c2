"""The contract of adversarial training."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from plait.settings import Chosen, Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

LossOf = Callable[["Tensor"], "Tensor"]
"""A function from a shift of the inputs, (rows, …), to the mean loss over the rows."""


class AdversarialSettings(Settings):
    """Settings of a choice whose ``attack(settings, loss_of, zero_perturbation, loss)`` returns a
    shift.

    Inputs are the embeddings of a text's tokens, or the features of a table, scaled as they are.
    ``zero_perturbation`` is a shift of zeros that requires a gradient, and ``loss`` its loss; what
    is returned has its shape and no gradient. A row's shift depends on that row alone, so that it
    is the same in any batch.
    """

    epsilon: float = setting("Euclidean norm of each row's perturbation", gt=0)
    loss_weight: float = setting(
        "weight of the perturbed rows' loss; the loss of the rows as they are has the rest",
        gt=0,
        le=1,
    )

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse a precision in which the gradients of the inputs vanish."""
        if chosen.by_gradient and chosen["trainer"].precision == "16-mixed":
            yield (
                "trainer.precision: in 16-mixed the gradients of the inputs, which adversarial:"
                f" {chosen.names['adversarial']} follows, vanish; use bf16-mixed"
            )
