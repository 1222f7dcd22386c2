"""A pretrained transformer, encoder or decoder, that classifies texts or predicts a number."""

from pathlib import PurePosixPath
from typing import Literal

from pydantic import model_validator

from plait.models.base import LanguageModelSettings
from plait.models.origins import Origin, refuse_unpinned
from plait.settings import Commit, setting

Pooling = Literal["mean", "first", "last"]


class Settings(LanguageModelSettings):
    """``model: encoder``."""

    origin: Origin = setting(
        "place of the model: a Python package that holds one, a folder below the project's root,"
        " or the Hugging Face hub"
    )
    name: str = setting(
        "name of the package, of the folder, or of the model on the hub", min_length=1
    )
    revision: Commit | None = setting("commit of a model on the hub")
    digest: str | None = setting(
        "digest of weights, configuration and tokenizer, which pins the model"
    )
    max_length: int = setting("longest text; what is longer is cut", unit="tokens", ge=2)
    pooling: Pooling = setting(
        "representation of a text: the mean over its tokens, the first ([CLS]), or the last, for"
        " decoders"
    )
    head_lr_multiplier: float = setting(
        "multiplier of the learning rate for the head, whose weights start at random", gt=0
    )
    head_dropout: float = setting("dropout rate of the head's inputs", ge=0, lt=1)
    backbone_dropout: float | None = setting(
        "dropout rate inside the transformer; null: the rate that it was pretrained with",
        ge=0,
        lt=1,
    )

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if self.revision is not None and self.origin != "hub":
            raise ValueError(f"only a model on the hub has a revision; {self.origin} has none")
        refuse_unpinned(self.origin, self.name, self.revision, self.digest)
        parts = PurePosixPath(self.name).parts
        if self.origin == "folder" and (self.name.startswith("/") or ".." in parts):
            raise ValueError(f"the folder {self.name!r} must lie below the project's root")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The folder, if it is one."""
        return (self.name,) if self.origin == "folder" else ()
