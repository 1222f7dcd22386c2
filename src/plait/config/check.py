"""Everything that can be wrong with a composed configuration, said in words."""

from collections.abc import Callable, Iterable
from types import UnionType
from typing import TypeVar, Union, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from plait.config.fields import interval_of, kind_words, locate
from plait.config.registry import SECTIONS, family_of, section_settings, settings_of
from plait.config.renamed import new_key
from plait.errors import ConfigurationError, did_you_mean
from plait.json_types import Json, Plain, Values, mapping_at
from plait.pipeline.stages import GROUPS
from plait.settings import Chosen, Settings, setting

MOST_LINES = 4

Checked = TypeVar("Checked", bound=Settings)

Where = Callable[[str], str]
"""Names the file or the level that set a dotted key."""


TYPE_WORDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "string_too_short": "some text",
    "too_short": "a longer list",
    "too_long": "a shorter list",
}
"""What would be right, by pydantic's type of a fault."""


class Root(Settings):
    """The values that stand at the root of the configuration."""

    description: str = setting("line that says what the experiment is", min_length=1)
    seed: int = setting(
        "seed of training: initial weights, order of rows, dropout", ge=0, le=2**32 - 1
    )
    ensemble: int | None = setting(
        "members of an ensemble, which differ by their seed and whose predictions are averaged;"
        " null: a single model",
        unit="models",
        ge=2,
        le=100,
    )
    reads: list[str] = setting(
        "files and folders that code of your own opens by itself, relative to the project: their"
        " contents are part of the identity; those that `data` and `model` name are so anyway"
    )
    batch_size: int = setting("rows in a step, over all devices together", unit="rows", ge=1)


def check(name: str, values: Values, where: Where) -> dict[str, Settings]:
    """Check the values of an experiment and their combination.

    :param values: the sections; those of a group start with ``choice``.
    :returns: settings by section; callbacks under ``callbacks.NAME``.
    :raises ConfigurationError: with one line a fault, at most four lines.
    """
    faults: list[str] = []
    settings: dict[str, Settings] = {}

    def validate(section: str, cls: type[Settings], given: Plain, prefix: str) -> None:
        if not isinstance(given, dict):
            faults.append(f"{section}: is {given!r}; must be a mapping{where(section)}")
            return
        try:
            settings[section] = cls.model_validate(given)
        except ValidationError as error:
            faults.extend(_faults(prefix, error, cls, where))

    known = [*Root.model_fields, *GROUPS, *SECTIONS]
    for key in values:
        if key not in known:
            faults.append(f"{_unknown(key, '', known)}{where(key)}")
    validate("", Root, {key: values[key] for key in Root.model_fields if key in values}, "")
    for title in SECTIONS:
        validate(title, section_settings(title), values.get(title), f"{title}.")
    for group, definition in GROUPS.items():
        section = values.get(group)
        if definition.several:
            for choice, inner in section.items() if isinstance(section, dict) else ():
                validate(
                    f"{group}.{choice}", settings_of(group, choice), inner, f"{group}.{choice}."
                )
        elif not isinstance(section, dict | None):
            faults.append(f"{group}: is {section!r}; must be a mapping{where(group)}")
        elif section is not None:
            inner = {key: value for key, value in section.items() if key != "choice"}
            validate(group, settings_of(group, choice_at(values, group)), inner, f"{group}.")
    if not faults:
        faults = _combination(values, settings)
    if faults:
        more = len(faults) - MOST_LINES + 1
        if more > 1:
            faults = [*faults[: MOST_LINES - 1], f"and {more} more"]
        raise ConfigurationError("\n       ".join(f"{name}: {fault}" for fault in faults))
    return settings


def checked(prefix: str, cls: type[Checked], given: Values) -> Checked:
    """The settings that values such as those of ``hydra.launcher`` make.

    :param prefix: of their keys, with a dot at its end.
    :raises ConfigurationError: with one line a fault.
    """
    try:
        return cls.model_validate(given)
    except ValidationError as error:
        faults = _faults(prefix, error, cls, lambda key: "")
    raise ConfigurationError("\n       ".join(faults[:MOST_LINES]))


def choice_at(values: Values, group: str) -> str:
    """The name that is chosen in a group where one is."""
    return str(mapping_at(values, group)["choice"])


def unknown_choice(group: str, given: Plain, known: list[str]) -> str:
    """The words for a choice that is not among those known."""
    near = did_you_mean(str(given), known, quoted=True) or "."
    return f"{group}: unknown choice {given!r}{near} There are: {', '.join(known)}"


def _combination(values: Values, settings: dict[str, Settings]) -> list[str]:
    """Faults of choices that are right alone and wrong together: each says what it refuses."""
    family = family_of(choice_at(values, "model"))
    names = {
        group: choice_at(values, group)
        for group, definition in GROUPS.items()
        if not definition.several and values[group] is not None
    }
    chosen = Chosen(names, settings, family.name, family.takes, family.by_gradient)
    order = (*GROUPS, *settings)
    return [
        fault
        for section in sorted(settings, key=order.index)
        for fault in settings[section].refuses(chosen)
    ]


def _faults(prefix: str, error: ValidationError, cls: type[Settings], where: Where) -> list[str]:
    faults: list[str] = []
    for detail in error.errors(include_url=False):
        key, words = _words(prefix, detail, cls)
        # Each member of a union complains by itself, in the same words.
        if (fault := f"{words}{where(key)}") not in faults:
            faults.append(fault)
    return faults


def _words(prefix: str, detail: ErrorDetails, cls: type[Settings]) -> tuple[str, str]:
    """The key at fault, and what pydantic found as a user would say it."""
    kind, context = detail["type"], detail.get("ctx", {})
    if not detail["loc"]:
        key = prefix.removesuffix(".")
        return key, f"{key}: {context['error']}"
    last, owner, field = locate(cls, detail["loc"])
    key = prefix + last
    if kind == "value_error":
        return key, f"{key}: {context['error']}"
    if field is None:
        above, _, unknown = key.rpartition(".")
        new = new_key(above, unknown, owner)
        if new != unknown:
            return key, f"{key} is now {above}.{new}"
        return key, _unknown(unknown, f"{above}." if above else "", owner.model_fields)
    if kind == "missing":
        return key, f"{key}: is missing"
    if kind == "finite_number":
        return key, f"{key}: is {detail['input']}; must be a finite number"
    interval = interval_of(field.metadata)
    if get_origin(field.annotation) in (Union, UnionType):
        *kinds, last = kind_words(field.annotation).split(" or ")
        # The bounds are those of what is no null.
        allowed = " or ".join(
            [*kinds[:-1], f"{kinds[-1]} in {interval}" if interval else kinds[-1], last]
        )
    elif kind == "literal_error":
        near = did_you_mean(str(detail["input"]), _literals(context["expected"]), quoted=True)
        allowed = f"one of {context['expected']}{near}"
    elif interval and kind.startswith(("greater", "less")):
        allowed = f"in {interval}"
    else:
        # Where nothing fits, pydantic's own words: "Input should have at least 1 item".
        words = detail["msg"].removeprefix("Input should ").removeprefix("be ")
        allowed = TYPE_WORDS.get(kind, words)
    return key, f"{key}: is {_shown(detail['input'])}; must be {allowed}"


def _literals(expected: str) -> list[str]:
    return [word.strip("' ") for word in expected.replace(" or ", ",").split(",")]


def _shown(value: Json) -> str:
    return f"{value!r} (text)" if isinstance(value, str) else f"{value!r}"


def _unknown(key: str, prefix: str, known: Iterable[str]) -> str:
    known = list(known)
    near = did_you_mean(key, known, prefix=prefix, cutoff=0.5)
    return f"{prefix}{key}: unknown key" + (near or f"; known: {', '.join(known)}")
