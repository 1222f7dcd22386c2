"""What the user sets without any effect: the chosen model has no use for it, or it is set twice."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from plait.config.compose import Project
from plait.config.levels import ConfigLayer, flat, level_of_overrides, level_of_params, read_yaml
from plait.config.resolved import Resolved
from plait.errors import ConfigurationError
from plait.json_types import Plain, Values
from plait.pipeline.stages import GROUPS, RUNTIME
from plait.workspace import choice_in


@dataclass(frozen=True)
class Effect:
    """What some overrides of the command line come to."""

    overrides: tuple[str, ...]
    """Those that have an effect."""
    unused: tuple[str, ...] = ()
    """The keys that the chosen model has no use for."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    """For each override without effect, the later one that sets the same key to another value."""


def in_words(found: Iterable[tuple[Resolved, Effect]]) -> list[str]:
    """A line for each thing without effect, however many trials it is in."""
    models: dict[str, dict[str, None]] = {}
    replaced: dict[str, str] = {}
    for resolved, effect in found:
        replaced |= effect.replaced
        for key in effect.unused:
            models.setdefault(key, {})[resolved.choice("model")] = None
    alike: dict[tuple[str, ...], list[str]] = {}
    for key, of in models.items():
        alike.setdefault(tuple(of), []).append(key)
    return [
        *(no_effect(keys, of) for of, keys in alike.items()),
        *(f"{text} has no effect: {later} follows" for text, later in replaced.items()),
    ]


def no_effect(keys: Iterable[str], models: Iterable[str]) -> str:
    """``optimizer.lr has no effect with model=least_squares or model=svm``."""
    named = list(keys)
    have = "has" if len(named) == 1 else "have"
    with_models = " or ".join(f"model={model}" for model in models)
    return f"{', '.join(named)} {have} no effect with {with_models}"


def effect_of(
    project: Project, overrides: Iterable[str], compose: Callable[[tuple[str, ...]], Resolved]
) -> Effect:
    """Tell overrides with an effect from those without.

    :param overrides: of the command line, the experiment's among them.
    :param compose: what overrides come to.
    """
    texts = tuple(overrides)
    replaced = _replaced(texts)
    standing = tuple(text for text in texts if text not in replaced)
    resolved = compose(texts)
    unused = _unused(project, level_of_overrides(list(standing)), resolved)
    effective = tuple(text for text in standing if not _keys_of(text).keys() <= set(unused))
    if unused and not _same(resolved, lambda: compose(effective)):
        # Another value is interpolated from it.
        unused, effective = [], standing
    return Effect(effective, tuple(unused), replaced)


def unused_in_params(project: Project, name: str, resolved: Resolved) -> list[str]:
    """The keys that ``params.yaml`` sets for an experiment, and whose model has no use for them."""
    listed = project.listed.get(name, {})
    unused = _unused(project, level_of_params(listed), resolved)
    if unused and not _same(
        resolved, lambda: project.compose(name, params=_without(listed, unused))
    ):
        return []
    return unused


def _unused(project: Project, level: ConfigLayer, resolved: Resolved) -> list[str]:
    """The keys that a level sets to something, and for which ``resolved`` holds nothing.

    Where a training runs is no matter of its values: keys of placement are never among them.
    """
    found = []
    for key, value in level.deviations():
        if value in (None, [], {}) or key in ("experiment", *RUNTIME):
            continue
        keys = [key]
        if key == "debug":
            preset = read_yaml(choice_in(project.conf, "debug", str(value)))
            keys = [each for each, _ in flat(preset)]
        if not any(each in RUNTIME or _holds(resolved, each) for each in keys):
            found.append(key)
    return found


def _holds(resolved: Resolved, key: str) -> bool:
    value: Plain = resolved.values
    for part in key.split("."):
        if not isinstance(value, dict):
            return False
        value = value.get(part)
    several = key in GROUPS and GROUPS[key].several
    return bool(value) if several else value is not None


def _same(resolved: Resolved, compose_without: Callable[[], Resolved]) -> bool:
    try:
        return compose_without().values == resolved.values
    except ConfigurationError:
        return False  # it is needed for the combination to be a valid one


def _replaced(texts: tuple[str, ...]) -> dict[str, str]:
    keys = {text: _keys_of(text) for text in texts}
    return {
        earlier: later
        for earlier, later in combinations(texts, 2)
        if keys[earlier].keys() <= keys[later].keys()
        and any(keys[later][key] != value for key, value in keys[earlier].items())
    }


def _keys_of(text: str) -> Values:
    return dict(level_of_overrides([text]).deviations())


def _without(listed: Values, keys: list[str]) -> Values:
    """A section of ``params.yaml`` without some of its choices and values."""

    def rest(above: str, values: Values) -> Values:
        left: Values = {}
        for name, value in values.items():
            key = above.removesuffix(".") if name == "choice" and above else f"{above}{name}"
            inner = rest(f"{key}.", value) if isinstance(value, dict) else value
            if inner == {} or (not isinstance(value, dict) and key in keys):
                continue
            left[name] = inner
        return left

    return rest("", listed)
