"""Plain values, as JSON and YAML hold them."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A value of a configuration or of a JSON file, to be read. It may be nested to any depth."""

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""The same as it is built and changed: lists and mappings of their own."""

Values: TypeAlias = dict[str, "Plain"]
"""A mapping of such values by key, such as a section of the configuration."""


def mapping_at(values: Values, key: str) -> Values:
    """The mapping at a key.

    :raises TypeError: if there is something else, as for each of these.
    """
    return _checked(values, key, dict, "mapping")


def list_at(values: Values, key: str) -> list[Plain]:
    """The list at a key."""
    return _checked(values, key, list, "list")


def text_at(values: Values, key: str) -> str:
    """The text at a key."""
    return _checked(values, key, str, "text")


def number_at(values: Values, key: str) -> float:
    """The number at a key."""
    return _checked(values, key, (float, int), "number")


def _checked(values: Values, key: str, kind: type[T] | tuple[type[T], ...], word: str) -> T:
    found = values[key]
    if not isinstance(found, kind):
        raise TypeError(f"{key} holds no {word}")
    return found
