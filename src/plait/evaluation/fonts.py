"""Fonts of the plots: matplotlib's own, and one for what that lacks, such as Chinese."""

from dataclasses import replace
from functools import cache

from plait.data.distributions import installed_file
from plait.errors import UserError

OWN = "DejaVu Sans"

FURTHER = (
    "zhplot",
    "fonts/NotoSansSC-Regular.ttf",
    "5cf8b2a0576d5680284ab03a7a8219499d59bbe981a79bb3dc0031f251c39736",
)
"""A package that is used as a file alone: in it Noto Sans SC, under the SIL Open Font License."""


@cache
def families() -> list[str]:
    """Names of fonts; the first that has a character draws it.

    Where the package is not installed, matplotlib warns of what it draws as boxes.
    """
    from matplotlib.font_manager import fontManager

    try:
        file = installed_file(*FURTHER)
    except UserError:
        return [OWN]
    fontManager.addfont(file)
    entry = fontManager.ttflist[-1]
    # Bold too, which else is looked for in vain, and told.
    fontManager.ttflist.append(replace(entry, weight="bold"))
    return [OWN, entry.name]
