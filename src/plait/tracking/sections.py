"""Sections of metrics: what stands before the slash in a metric's name."""

from plait.tracking import cost

BASELINE = "test_baseline"
"""The main metric of each baseline that is not naive."""

MEMBER = "test_member"
"""The main metric of each member of an ensemble."""

FINAL = (
    "test/",
    "test_interval/",
    "test_naive/",
    f"{BASELINE}/",
    f"{MEMBER}/",
    "model/",
    cost.PREFIX,
)
"""How the names of metrics begin that are no curves."""
