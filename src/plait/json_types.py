"""Plain values, as JSON and YAML hold them."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A value of a configuration or of a JSON file. It may be nested to any depth."""
