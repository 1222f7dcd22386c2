"""The gate before the champion: better than naive answers, and than the present champion.

A champion is replaced only if the whole interval of the paired difference says so: where zero lies
in it, the difference may be chance.
"""

from dataclasses import dataclass

from plait.evaluation.notation import readable
from plait.evaluation.paired import Measured, compare, same_rows
from plait.evaluation.settings import Resamples
from plait.evaluation.verdict import how_sure


@dataclass(frozen=True)
class Judgement:
    """The arguments for and against a model as champion."""

    beaten: tuple[str, ...]
    """A sentence for each opponent that it beat, with the numbers."""
    refusals: tuple[str, ...]
    """A sentence for each reason not to make it the champion."""


def against_naive(model: Measured) -> Judgement:
    """Whether a model is better than all answers that take no learning."""
    verdict = model.evaluation["verdict"]
    if verdict["better_than_naive"]:
        return Judgement((verdict["headline"],), ())
    return Judgement((), (verdict["text"],))


def against_champion(
    model: Measured, champion: Measured, champion_name: str, settings: Resamples
) -> Judgement:
    """Whether a model beats the champion beyond the interval, on the same test rows.

    :param champion_name: as it continues "against 0.01 of".
    :param settings: how ``model`` was evaluated.
    """
    if not same_rows(model, champion):
        rows = [f"{len(of.predictions):,}" for of in (model, champion)]
        return Judgement(
            (),
            (
                f"It cannot be compared with {champion_name}, which was tested on other data"
                f" ({rows[0]} rows here, {rows[1]} there).",
            ),
        )
    found = compare(model, champion, settings)
    sentence = (
        f"{found.title} is {readable(found.value)}, against {readable(found.other)} of"
        f" {champion_name}; {how_sure(found.difference, settings.confidence_level)}."
    )
    if found.difference["better"]:
        return Judgement((sentence,), ())
    return Judgement((), (sentence,))
