"""How numbers are written for people."""

_MINUS = "\N{MINUS SIGN}"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

NOTHING = "\N{EN DASH}"
"""Stands where there is no number."""


def readable(value: float | int | None) -> str:
    """Four significant digits, as one would write them by hand; counts in full."""
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return f"{value:,}".replace("-", _MINUS)
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.3e}".split("e")
        text = f"{mantissa}·10{str(int(exponent)).translate(_RAISED)}"
    else:
        text = f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
        if text == "1" and value < 1:
            text = f"{value:.7g}"  # An R² or accuracy close to 1 is not 1.
    return text.replace("-", _MINUS)


def percent(share: float) -> str:
    """0.95 as ``95%``."""
    return f"{100 * share:.4g}%"


def listed(items: list[str], last: str = "and") -> str:
    """``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def readable_size(size: int) -> str:
    """``1.2 MB``."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
