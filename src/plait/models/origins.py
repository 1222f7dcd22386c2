"""Where pretrained models come from; for settings, which import nothing heavy."""

from typing import Literal

Origin = Literal["package", "folder", "hub"]


def refuse_unpinned(origin: Origin, name: str, revision: str | None, digest: str | None) -> None:
    """Refuse what may be another tomorrow.

    :raises ValueError: for a name on the hub alone.
    """
    if origin == "hub" and revision is None and digest is None:
        raise ValueError(f"{name} on the hub may change; set revision to a commit, or digest")
