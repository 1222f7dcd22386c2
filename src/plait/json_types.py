"""Plain values, as JSON and YAML hold them."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A value of a configuration or of a JSON file, to be read. It may be nested to any depth."""

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""The same as it is built and changed: lists and mappings of their own."""

Values: TypeAlias = dict[str, "Plain"]
"""A mapping of such values by key, such as a section of the configuration."""


def mapping_at(values: Values, key: str) -> Values:
    """The mapping at a key where the layout has one."""
    found = values[key]
    assert isinstance(found, dict), f"{key} holds no mapping"
    return found


def list_at(values: Values, key: str) -> list[Plain]:
    """The list at a key where the layout has one."""
    found = values[key]
    assert isinstance(found, list), f"{key} holds no list"
    return found
