"""How a model stands to the naive answers, in plain words."""

import math

from plait.evaluation.entries import (
    Difference,
    StatedBaseline,
    StatedMetric,
    Verdict,
    interval_of,
)
from plait.evaluation.notation import listed, percent, readable


def verdict(primary: StatedMetric, compared: dict[str, StatedBaseline], level: float) -> Verdict:
    """How the model stands, in plain words.

    A model is better than another answer only if the whole interval of the paired difference says
    so: where zero lies in it, the difference may be chance.

    :param primary: the model's entry for the primary metric.
    :param compared: the baselines' entries.
    :param level: confidence of the intervals.
    """
    naive = [entry for entry in compared.values() if entry["naive"]]
    beaten = [entry["title"] for entry in naive if entry["difference"]["better"]]
    missed = [entry["title"] for entry in naive if not entry["difference"]["better"]]
    if primary["value"] is None:
        text = f"No verdict: {primary['title']} is {primary['reason']}."
        return {"better_than_naive": False, "headline": text, "text": text}
    parts = []
    if missed:
        parts.append(f"not better than {listed(missed, 'or')}")
    if beaten:
        parts.append(f"better than {listed(beaten)}")
    headline = "; ".join(parts)
    headline = f"{headline[0].upper()}{headline[1:]}."
    # The one that is hardest to beat speaks for all.
    hardest = max(naive, key=lambda entry: _behind(entry, primary["direction"]))
    sentences = [headline, _reason(hardest, primary, level)]
    sentences += [_beside(entry, primary) for entry in compared.values() if not entry["naive"]]
    return {"better_than_naive": not missed, "headline": headline, "text": " ".join(sentences)}


def _behind(entry: StatedBaseline, direction: str) -> float:
    """By how much the model is behind another answer; negative if ahead."""
    difference = entry["difference"]["value"]
    if difference is None:
        return math.inf
    return float(difference if direction == "minimize" else -difference)


def _reason(entry: StatedBaseline, primary: StatedMetric, level: float) -> str:
    """The numbers behind the verdict."""
    difference = entry["difference"]
    other = readable(entry["metrics"][difference["metric"]]["value"])
    return (
        f"{primary['title']} is {readable(primary['value'])}, against {other} when"
        f" {entry['title']}; {how_sure(difference, level)}."
    )


def how_sure(difference: Difference, level: float) -> str:
    """What the interval of a difference says, as the end of a sentence."""
    ends = interval_of(difference)
    if ends is None:
        return f"the difference has {difference['reason']}"
    low, high = ends
    interval = (
        f"the {percent(level)} interval of the difference, {readable(low)} to {readable(high)},"
    )
    if difference["better"]:
        return f"{interval} leaves no doubt"
    if low <= 0 <= high:
        return f"{interval} includes zero, so that may be chance"
    return f"{interval} says that the model is worse"


def _beside(entry: StatedBaseline, primary: StatedMetric) -> str:
    """How the model stands to a solution that is not naive."""
    difference = entry["difference"]
    other = readable(entry["metrics"][difference["metric"]]["value"])
    ends = interval_of(difference)
    if ends is None:
        stands = "Cannot be told from"
    elif ends[0] <= 0 <= ends[1]:
        stands = "Shows no difference from"
    else:
        stands = "Better than" if difference["better"] else "Behind"
    return f"{stands} {entry['title']} ({other})."
