"""The text of a user's file: decoded whole, or said in a line why it is of another encoding."""

import codecs
import re

from plait.errors import UserError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_C1 = re.compile("[\x80-\x84\x86-\x9f]")
"""Control characters that no text has: they are letters and quotes of another encoding. U+0085, an
end of line, is none of them."""


def decode(content: bytes, path: str, encoding: str) -> str:
    """The text of a user's file.

    :param path: named in errors.
    :raises UserError: if it is not of that encoding.
    """
    utf8 = codecs.lookup(encoding).name.startswith("utf-8")
    try:
        # Without the mark that spreadsheets put first.
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        place = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content[:place].count(b"\n") + 1
        likely = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else _of_one_byte(content)
        own = codecs.lookup(encoding) == codecs.lookup(likely)
        raise UserError(
            f"{path} is not {encoding} (byte {content[place]:#04x}, line {line});"
            + (" is it cut off?" if own else f" set its encoding, perhaps {likely}")
        ) from None
    if "\x00" in text[:1000]:
        raise UserError(f"{path} is not {encoding}; set its encoding, perhaps utf-16-le")
    for pattern, name in (("\x00", "a NUL character"), (_LONE_SURROGATE, "half of a character")):
        found = re.search(pattern, text)
        if found:
            line = text.count("\n", 0, found.start()) + 1
            raise UserError(f"{path}, line {line}: holds {name} ({found.group()!a}); take it out")
    if not utf8 and not content.isascii() and decodes(content, "utf-8"):
        raise UserError(f"{path} is utf-8, not {encoding}; set its encoding to utf-8")
    controls = _C1.search(text)
    if controls and codecs.lookup(encoding).name.startswith("iso8859"):
        line = text.count("\n", 0, controls.start()) + 1
        raise UserError(
            f"{path}, line {line}: holds a control character ({controls.group()!a}) by {encoding};"
            f" set its encoding, perhaps {_of_one_byte(content)}"
        )
    return text


def lines_of(text: str) -> list[str]:
    """Its lines. Unlike ``str.splitlines``, characters such as U+2028 may stand in one."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def _of_one_byte(content: bytes) -> str:
    """What Windows writes, which prints all that latin-1 does and more; but for five bytes."""
    return "cp1252" if decodes(content, "cp1252") else "latin-1"


def decodes(content: bytes, encoding: str) -> bool:
    """Whether all of it is text by an encoding."""
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def check_unicode(text: str, what: str) -> None:
    """Refuse half of a character.

    :param what: how errors call the text.
    :raises UserError: if there is one.
    """
    found = _LONE_SURROGATE.search(text)
    if found:
        raise UserError(
            f"{what} holds \\u{ord(found.group()):04x}, half of a character (a lone surrogate);"
            " write the whole character, or \\ufffd"
        )
