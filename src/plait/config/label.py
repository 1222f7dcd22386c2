"""The label of a run: what the user set beside the experiment file, in few words."""

from collections import Counter
from collections.abc import Iterable

from plait.config.fields import as_yaml
from plait.config.levels import ConfigLayer, flat
from plait.config.resolved import identifies
from plait.json_types import Plain, Values, mapping_at
from plait.pipeline.stages import GROUPS


def label_of(users: tuple[ConfigLayer, ...], ordered: Values) -> str:
    """What the user set beside the experiment file: ``model=mlp lr=0.1``, in the order of the
    resolved file; longer keys where two would read alike. What has no effect is left out.
    """
    given = {key: value for level in users for key, value in level.deviations()}
    if given.get("debug") is not None and ordered["optimizer"] is not None:
        final: Values = {"debug": given["debug"]}
    else:
        final = {}
    final |= {key.removesuffix(".choice"): value for key, value in flat(ordered)}
    # The root's own values, which stand first in the file, read better last.
    final |= {key: final.pop(key) for key in ("seed", "batch_size", "ensemble")}
    for group in (group for group, definition in GROUPS.items() if definition.several):
        names: list[Plain] = [*sorted(mapping_at(ordered, group))]
        several: Values = {group: names or None}
        final = several | final
    deviations = {
        key: value
        for key, value in final.items()
        if key in given
        and value not in (None, {}, [])
        and (key in ("debug", "reads") or identifies(key))
    }
    short = shortened(deviations)
    words = []
    for key, value in deviations.items():
        text = "[" + ",".join(map(str, value)) + "]" if isinstance(value, list) else as_yaml(value)
        words.append(f"{short[key]}={text}")
    return " ".join(words)


def shortened(keys: Iterable[str]) -> dict[str, str]:
    """Dotted keys by their last part, where that tells them apart; ``seed`` alone is training's."""
    known = list(keys)
    lasts = Counter(key.rpartition(".")[2] for key in known)
    short = {key: key.rpartition(".")[2] for key in known}
    return {
        key: last if lasts[last] == 1 and last != "seed" else key for key, last in short.items()
    }
