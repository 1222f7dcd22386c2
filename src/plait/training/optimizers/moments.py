"""What the optimisers of Adam's family share."""

from typing import Annotated

from pydantic import Field

from plait.settings import Settings, setting


class MomentSettings(Settings):
    """Running means of the gradient and of its square."""

    lr: float = setting("learning rate", gt=0)
    betas: list[Annotated[float, Field(ge=0, lt=1)]] = setting(
        "decay rates of the running means of the gradient and of its square",
        min_length=2,
        max_length=2,
    )
    eps: float = setting("term added to the divisor for numerical stability", gt=0)
