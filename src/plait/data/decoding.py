"""The text of a user's file: decoded whole, or said in a line why it is of another encoding."""

import codecs
import re

from plait.errors import UserError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""With which a file begins that says its encoding."""

_JAPANESE = ("cp932", "euc_jp")
"""Shift-JIS as Windows writes it, and what Unix wrote."""

_SHOWING = 4096
"""Bytes by whose zeros a wide encoding is known."""

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
        likely = likely_encoding(content)
        own = codecs.lookup(encoding) == codecs.lookup(likely)
        raise UserError(
            f"{path} is not {encoding} (byte {content[place]:#04x}, line {line});"
            + (" is it cut off?" if own else f" set its encoding, perhaps {likely}")
        ) from None
    wide = _wide(content)
    if "\x00" in text and wide is not None:
        raise UserError(f"{path} is not {encoding}; set its encoding, perhaps {wide}")
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
            f" set its encoding, perhaps {likely_encoding(content)}"
        )
    return text


def lines_of(text: str) -> list[str]:
    """Its lines. Unlike ``str.splitlines``, characters such as U+2028 may stand in one."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def likely_encoding(content: bytes) -> str:
    """By what a file shows: its mark, its zero bytes, whether it is UTF-8, Japanese letters; else
    what Windows writes, which prints all that latin-1 does and more, but for five bytes.
    """
    wide = _wide(content)
    if wide is not None:
        return wide
    for encoding in ("utf-8", *_JAPANESE, "cp1252"):
        if decodes(content, encoding) and (
            encoding not in _JAPANESE or _is_japanese(content.decode(encoding))
        ):
            return encoding
    return "latin-1"


def _wide(content: bytes) -> str | None:
    """The encoding of two or four bytes a character, if it is one."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    start = content[:_SHOWING]
    zeros = [start[place::2].count(0) for place in (0, 1)]
    # Of most characters of a table, digits and separators, one byte is zero.
    if not any(zeros) or max(zeros) < len(start) / 5 or min(zeros) > max(zeros) / 2:
        return None
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def _is_japanese(text: str) -> bool:
    """Whether a good part of what is not ASCII is kana. Of Western letters nothing would be."""
    letters = [letter for letter in text if not letter.isascii()]
    return 5 * sum("\u3041" <= letter <= "\u30fe" for letter in letters) >= len(letters)


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
