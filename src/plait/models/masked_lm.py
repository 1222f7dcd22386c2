"""A pretrained transformer that guesses hidden words; for `plait.pretraining.domain`."""

from typing import ClassVar

from plait.models.base import ModelSettings
from plait.models.origins import Origin
from plait.settings import Commit, setting


class Settings(ModelSettings):
    """What `plait.models.masked_language_models` builds by."""

    family: ClassVar[str] = "masked_language_model"

    origin: Origin = setting("place of the model, as of ``model: encoder``")
    name: str = setting("name of the model there, as of ``model: encoder``")
    revision: Commit | None = setting("commit that pins it, as of ``model: encoder``")
    digest: str | None = setting("digest of its files, which pins them, as of ``model: encoder``")
    max_length: int = setting("longest text; what is longer is cut", unit="tokens", ge=2)
    backbone_dropout: float | None = setting(
        "dropout rate inside the transformer; null: the rate that it was pretrained with",
        ge=0,
        lt=1,
    )
    mlm_probability: float = setting(
        "probability that a token is masked, to be predicted", gt=0, lt=1
    )
