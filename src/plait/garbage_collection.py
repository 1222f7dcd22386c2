"""How often Python looks for cyclic garbage."""

import gc

USUAL = gc.get_threshold()

RARE = (100_000, 50, 100)
"""While libraries are imported, a tenth of the time would go into looking through what they define,
none of which is garbage."""


def collect_rarely() -> None:
    """From the start of a command on, most of whose time may be imports."""
    gc.set_threshold(*RARE)


def collect_as_usual() -> None:
    """For what makes garbage: a cycle may hold tensors."""
    gc.set_threshold(*USUAL)
