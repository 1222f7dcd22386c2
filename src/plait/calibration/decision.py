"""What a wrong answer costs, by the names of the classes."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import field_validator

from plait.errors import UserError, did_you_mean
from plait.settings import Chosen, setting
from plait.settings import Settings as Base

if TYPE_CHECKING:
    import numpy as np

Costs = Mapping[str, Mapping[str, float]]
"""By the class that is so, and by the one that is answered."""

UNNAMED = 1.0
"""What a wrong answer costs that is not named."""


class Settings(Base):
    """The section ``decision``."""

    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    costs: dict[str, dict[str, float]] | None = setting(
        "costs of wrong answers, by the class that is so and then by the one that is answered; one"
        " not named costs 1, a right answer 0; null: the likeliest class is answered"
    )

    @field_validator("costs")
    @classmethod
    def _check(
        cls, costs: dict[str, dict[str, float]] | None
    ) -> dict[str, dict[str, float]] | None:
        if costs is not None and not any(costs.values()):
            raise ValueError("names no cost; give some, such as {sick: {well: 5}}, or null")
        for so, answers in (costs or {}).items():
            for said, cost in answers.items():
                if said == so:
                    raise ValueError(f"{so} answered as {said} is right, and costs nothing")
                if not (cost >= 0 and math.isfinite(cost)):
                    raise ValueError(f"{so} answered as {said} costs {cost}; must be 0 or more")
        return costs

    def refuses(self, chosen: Chosen) -> Iterator[str]:
        """Refuse costs of a task without exclusive classes."""
        if self.costs is not None and chosen["data"].task not in self.tasks:
            yield (
                f"decision.costs: are of answers to a {' or '.join(self.tasks)}, but data:"
                f" {chosen.names['data']} is a {chosen['data'].task} task; set it to null"
            )


def matrix_of(costs: Costs, classes: Sequence[str]) -> "np.ndarray":
    """Costs as float64, (classes, classes), in their order: rows are so, columns are answered.

    :raises UserError: for a name that is none of the classes.
    """
    import numpy as np

    named = [name for so, answers in costs.items() for name in (so, *answers)]
    for name in named:
        if name not in classes:
            near = did_you_mean(name, classes, quoted=True)
            if name in ("True", "False"):
                near = near or "; YAML takes a bare yes, no, true or false for no text: quote it"
            raise UserError(
                f"decision.costs: {name!r} is no class of the data set{near}\n"
                f"  the classes are {', '.join(classes)}"
            )
    matrix = UNNAMED * (1 - np.eye(len(classes)))
    for so, answers in costs.items():
        for said, cost in answers.items():
            matrix[classes.index(so), classes.index(said)] = cost
    return matrix
