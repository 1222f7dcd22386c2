"""What the optimisers of Adam's family share."""

from typing import Annotated

from pydantic import Field

from plait.settings import Settings, setting


class MomentSettings(Settings):
    """Running means of the gradient and of its square."""

    lr: float = setting("learning rate", gt=0)
    betas: list[Annotated[float, Field(ge=0, lt=1)]] = setting(
        "share kept of the mean and of the mean square", min_length=2, max_length=2
    )
    eps: float = setting("added to the divisor", gt=0)
