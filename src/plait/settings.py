"""The base of every settings class: typed, strict, complete, immutable.

Settings hold no defaults: those are the values under ``conf/``, and nowhere else.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """A section of the configuration. Unknown keys, wrong types, NaN and infinity are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def _whole_commit(revision: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ValueError(
            f"{revision!r} is no commit, and branches and tags move; give its 40 hexadecimal digits"
        )
    return revision


Commit = Annotated[str, AfterValidator(_whole_commit)]
"""What pins a model or a data set on the Hugging Face hub."""


def setting(meaning: str, *, unit: str | None = None, **bounds: Any) -> Any:
    """A field of a settings class, with what ``plait options`` says of it.

    :param meaning: what it does, in a few words.
    :param unit: the unit of its values, such as ``rows`` or ``epochs``.
    :param bounds: pydantic's own: ``gt``, ``ge``, ``lt``, ``le``, ``min_length``, ``pattern``.
    """
    return Field(description=meaning, json_schema_extra={"unit": unit} if unit else None, **bounds)
