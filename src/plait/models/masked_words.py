"""A pretrained transformer that guesses hidden words; for `plait.pretraining.domain`."""

from typing import ClassVar

from plait.models.kinds import ModelSettings
from plait.models.origins import Origin
from plait.settings import Commit, setting


class Settings(ModelSettings):
    """What `plait.models.masked_language_models` builds by."""

    kind: ClassVar[str] = "masked_language_model"

    origin: Origin = setting("as of ``model: encoder``")
    name: str = setting("as of ``model: encoder``")
    revision: Commit | None = setting("as of ``model: encoder``")
    digest: str | None = setting("as of ``model: encoder``")
    max_length: int = setting("of a text", unit="tokens", ge=2)
    body_dropout: float | None = setting("share dropped inside; null: as it was", ge=0, lt=1)
    masked: float = setting("share of the words that are hidden", gt=0, lt=1)
