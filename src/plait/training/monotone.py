"""In which directions predictions may go along the inputs, as the settings name raw columns."""

from plait.data.encoders.number import Number
from plait.data.preprocessing import ColumnPreprocessor
from plait.errors import UserError, did_you_mean
from plait.models.boosting import BoostedSettings
from plait.training.job import TrainingJob

MOST_LINES = 4


def directions(
    job: TrainingJob, settings: BoostedSettings, classes: tuple[int, ...]
) -> tuple[int, ...]:
    """For each input 1 where predictions may not fall along it, -1 where not rise, else 0.

    An input is a number column shifted and scaled by a positive factor, so its direction is the
    column's; so is the target.

    :param classes: that the training rows have; of a regression none.
    :returns: (inputs,).
    :raises UserError: with a line for each column that is none, or is no number.
    """
    preprocessor = job.preprocessor
    assert isinstance(preprocessor, ColumnPreprocessor), "trees take columns"
    if settings.monotone and len(classes) > 2:
        raise UserError(
            f"{job.resolved.name}: model.monotone: has a meaning for a number or for two classes,"
            f" and there are {len(classes)}; set it to {{}}"
        )
    encoders = {each.name: each for each in preprocessor.features}
    signs: dict[str, int] = {}
    faults = []
    for column, direction in settings.monotone.items():
        encoder = encoders.get(column)
        if encoder is None:
            near = did_you_mean(column, encoders, quoted=True)
            faults.append(f"no feature is called {column!r}{near}")
        elif not isinstance(encoder, Number):
            faults.append(f"column {column!r} is no number, but: {encoder.treatment}")
        else:
            signs[column] = 1 if direction == "increasing" else -1
    if faults:
        shown = faults if len(faults) <= MOST_LINES else faults[: MOST_LINES - 1]
        more = [] if len(shown) == len(faults) else [f"and {len(faults) - len(shown)} more"]
        lines = (f"{job.resolved.name}: model.monotone: {each}" for each in (*shown, *more))
        raise UserError("\n       ".join(lines))
    # The input that says that a number was missing has no direction.
    return tuple(
        signs.get(each.name, 0) if place == 0 else 0
        for each in preprocessor.features
        for place in range(len(each.inputs))
    )
