"""The fields of settings classes, in words: their types and ranges."""

import types
import typing
from collections.abc import Iterable
from typing import Any

from pydantic.fields import FieldInfo

from plait.json_types import Json
from plait.settings import Settings


def nested(field: FieldInfo) -> type[Settings] | None:
    """The settings class that a field holds, if it holds one."""
    inner = field.annotation
    return inner if isinstance(inner, type) and issubclass(inner, Settings) else None


def locate(
    cls: type[Settings], path: tuple[int | str, ...]
) -> tuple[str, type[Settings], FieldInfo | None]:
    """Follow pydantic's location of a fault into nested settings.

    :returns: the dotted key as the user wrote it, the innermost settings class on the way, and the
        field there; None for an unknown one. What pydantic adds for a union's members is left out.
    """
    first, rest = str(path[0]), path[1:]
    field = cls.model_fields.get(first)
    inner = nested(field) if field else None
    if inner is not None and rest:
        key, owner, found = locate(inner, rest)
        return f"{first}.{key}", owner, found
    return first + "".join(f"[{part}]" for part in rest if isinstance(part, int)), cls, field


def kind_words(annotation: Any) -> str:
    """A type in words: ``int or null``, ``relu | gelu``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " | ".join(map(str, arguments))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(kind_words(argument) for argument in arguments)
    if origin is typing.Annotated:
        return f"{kind_words(arguments[0])} {interval_of(annotation.__metadata__)}".strip()
    if origin is list:
        return f"list of {kind_words(arguments[0])}"
    if origin is dict:
        return f"mapping to {kind_words(arguments[1])}"
    if annotation is type(None):
        return "null"
    return {int: "int", float: "number", str: "text", bool: "true | false"}.get(
        annotation, getattr(annotation, "__name__", str(annotation))
    )


def interval_of(metadata: Iterable[Any]) -> str:
    """The range that a field's bounds make, such as ``[0, 1)``; empty if there are none."""
    low, high = "(-∞", "∞)"
    # An annotation may wrap its bounds in a field of its own.
    bounds = [b for item in metadata for b in getattr(item, "metadata", None) or [item]]
    for bound in bounds:
        low = f"({bound.gt}" if getattr(bound, "gt", None) is not None else low
        low = f"[{bound.ge}" if getattr(bound, "ge", None) is not None else low
        high = f"{bound.lt})" if getattr(bound, "lt", None) is not None else high
        high = f"{bound.le}]" if getattr(bound, "le", None) is not None else high
    return f"{low}, {high}" if (low, high) != ("(-∞", "∞)") else ""


def as_yaml(value: Json) -> str:
    """A value as a user would write it in a file."""
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)
