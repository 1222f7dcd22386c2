"""Which sign stands before decimals, by all columns of a file."""

from collections.abc import Mapping

from plait.tables.texts import Texts


def decimal_of(columns: Mapping[str, Texts], separator: str, given: str) -> str:
    """Point or comma, where columns show it; else what semicolons between columns tell.

    :param separator: of columns; spreadsheets that write decimal commas write semicolons.
    :param given: stands where nothing shows, or columns differ.
    """
    shown = {sign for texts in columns.values() if (sign := _shown(texts)) is not None}
    if len(shown) == 1:
        return shown.pop()
    doubtful = any(is_doubtful(texts) for texts in columns.values())
    return "," if not shown and doubtful and separator == ";" else given


def _shown(texts: Texts) -> str | None:
    if not any("," in text or "." in text for text in texts.counts):
        return None
    if texts.are_plain:
        return "."
    point, comma = texts.mostly(texts.by_point), texts.mostly(texts.by_comma)
    if point == comma:
        return None
    return "." if point else ","


def is_doubtful(texts: Texts) -> bool:
    """Whether texts such as ``1,250`` say one number with points and another with commas."""
    if not any("," in text for text in texts.counts) or not texts.mostly(texts.by_point):
        return False
    return any(texts.by_comma.get(text, said) != said for text, said in texts.by_point.items())
