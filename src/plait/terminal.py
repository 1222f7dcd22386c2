"""Text of anybody's, as a terminal may show it: what would steer the terminal is spelled out."""

import re

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and line feed, those that turn the direction of writing, line ends of
Unicode's own, and halves of characters, which no terminal's encoding has."""


def printable(text: str) -> str:
    r"""The text with such characters as Python escapes them: ``\x1b``."""
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def in_a_line(text: str) -> str:
    """The same, with tabs and line ends escaped too."""
    return printable(text).replace("\t", "\\t").replace("\n", "\\n")
