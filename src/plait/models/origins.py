"""Where pretrained models come from; for settings, which import nothing heavy."""

from typing import Literal

Origin = Literal["package", "folder", "hub"]
